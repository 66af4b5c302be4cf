import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Refusal, Verifier } from '@countersign/server';
import { nodeRequestView, protect } from '@countersign/server/node';
import { type MatrixAdapter, type MatrixReport, verdictMatrix } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

type Handled = Parameters<MatrixAdapter['start']>[1];
type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** An adapter made of a listener of `node:http`. */
const adapter = (
  listener: (verifier: Verifier, handled: Handled) => Listener,
): MatrixAdapter['start'] => {
  return async (verifier, handled) => {
    const server = createServer(listener(verifier, handled));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      async close() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
};

const seenOf = ({ method = '', url: target = '' }: IncomingMessage, body?: Uint8Array) => ({
  method,
  target,
  body,
});

/** A listener that does everything right, but for what is replaced. */
const faulty = ({
  view = (request: IncomingMessage) => nodeRequestView(request),
  refuse = (response: ServerResponse, refusal: Refusal, verifier: Verifier) => {
    const { status, headers, body } = verifier.answer(refusal);
    response.writeHead(status, { ...headers }).end(body);
  },
  seen = seenOf,
  before = (_verifier: Verifier, _request: IncomingMessage, _handled: Handled): unknown =>
    undefined,
}) =>
  adapter((verifier, handled) => async (request, response) => {
    await before(verifier, request, handled);
    const verdict = await verifier.verify(view(request));
    if (verdict.verdict === 'refused') refuse(response, verdict, verifier);
    else {
      handled(seen(request, verdict.body));
      response.end();
    }
  });

const right = adapter((verifier, handled) =>
  protect(verifier, (request, response, { body }) => {
    handled(seenOf(request, body));
    response.end();
  }),
);

describe('an adapter that is right', () => {
  it('has no faults, in at least 250 requests of which more are refused than accepted', async () => {
    const { faults, cases, counts, differing, summary } = await verdictMatrix({ start: right });
    expect([faults, differing]).toEqual([[], []]);
    expect(cases).toBeGreaterThan(250);
    expect(counts.accepted).toBeLessThan(cases / 2);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(cases);
    expect(summary).toContain(`${cases} requests: ${counts.accepted} accepted`);
  });

  it('is held to what it says of itself', async () => {
    const why = 'it is not so';
    const stale = await verdictMatrix({
      start: right,
      differs: [{ expected: 'target_malformed', actual: 'date_malformed', why }],
    });
    expect(stale.faults).toEqual(['differs: target_malformed → date_malformed did not occur']);
    const unnamed = { expected: 'header_duplicated', actual: 'accepted', why } as const;
    await expect(verdictMatrix({ start: right, differs: [unnamed] })).rejects.toThrow(
      'differs: name the cases of header_duplicated → accepted',
    );
  });
});

describe('an adapter that', () => {
  const joined = ({ headers }: IncomingMessage) =>
    Object.entries(headers).flatMap(([name, value]) => [name, String(value)]);

  it.each<[what: string, start: MatrixAdapter['start'], fault: RegExp]>([
    [
      'takes the fields that Node has joined',
      faulty({ view: (request) => ({ ...nodeRequestView(request), headers: joined(request) }) }),
      /^wire: a second Content-Type .*, behind: expected header_duplicated, got accepted$/m,
    ],
    [
      'cuts the query off',
      faulty({
        view: (request) => ({
          ...nodeRequestView(request),
          target: request.url?.split('?')[0] ?? '',
        }),
      }),
      /^wire: a query: expected signature_mismatch, got accepted$/m,
    ],
    [
      'takes the target that the URL parser has resolved',
      faulty({
        view: (request) => {
          const { pathname, search } = new URL(`http://api.example.com${request.url}`);
          return { ...nodeRequestView(request), target: pathname + search };
        },
      }),
      /^wire: signed as \/b, sent as "\/a\/\.\.\/b": expected target_malformed, got accepted$/m,
    ],
    [
      'forgets the body',
      faulty({
        view: (request) => {
          const { body: _, ...view } = nodeRequestView(request);
          return view;
        },
      }),
      /^body-get: expected accepted, got body_incomplete$/m,
    ],
    [
      'does not look at the bodies of GET requests',
      faulty({
        view: (request) => {
          const { body, headers, ...view } = nodeRequestView(request);
          if (request.method !== 'GET') return { ...view, headers, body };
          const framing = /^(?:content-length|transfer-encoding|content-digest)$/i;
          return {
            ...view,
            headers: headers.filter((_, i) => !framing.test(headers[i - (i % 2)] ?? '')),
          };
        },
      }),
      /^wire: a chunked body nobody signed: expected digest_missing, got accepted$/m,
    ],
    [
      'answers refusals with 200',
      faulty({ refuse: (response) => response.end() }),
      /^plain-.*: refused with 401, but answered with 200$|^.*: refused with 401, but answered with 200$/m,
    ],
    [
      'answers refusals in words of its own',
      faulty({ refuse: (response, { status }) => response.writeHead(status).end('no') }),
      /^.*: the answer is no problem document with credential_rejected$/m,
    ],
    [
      'runs the handler first',
      faulty({ before: (_, request, handled) => handled(seenOf(request)), seen: seenOf }),
      /^.*: the handler ran without a verdict to let the request in$/m,
    ],
    [
      'verifies twice',
      faulty({ before: (verifier, request) => verifier.verify(nodeRequestView(request)) }),
      /^plain-get: expected accepted, got nonce_replayed$/m,
    ],
    [
      'shows the handler another method',
      faulty({ seen: (request, body) => ({ ...seenOf(request, body), method: 'GET' }) }),
      /^wire: honest, POST: the handler saw the method GET$/m,
    ],
    [
      'shows the handler another target',
      faulty({ seen: (request, body) => ({ ...seenOf(request, body), target: '/' }) }),
      /^wire: honest, target \/\?a: the handler saw \/$/m,
    ],
    [
      'shows the handler no body',
      faulty({ seen: (request) => seenOf(request) }),
      /^wire: honest, 64 KiB: the handler saw a body of 0 bytes that is not the signed one$/m,
    ],
    [
      'lets everything in',
      adapter((_, handled) => (request, response) => {
        handled(seenOf(request));
        response.end();
      }),
      /^.*: no verdict, and answered with 200$/m,
    ],
    [
      'lets nothing in',
      adapter(() => (_, response) => response.writeHead(403).end()),
      /^plain-get: expected accepted, got server$/m,
    ],
  ])('%s is found out', async (_, start, fault) => {
    const { faults }: MatrixReport = await verdictMatrix({ start });
    expect(faults.join('\n')).toMatch(fault);
  });

  it('does not answer is found out, and asked no more', async () => {
    const start = adapter(() => () => {});
    const { faults, cases } = await verdictMatrix({ start });
    expect(cases).toBe(1);
    expect(faults).toContainEqual(expect.stringContaining('no answer within 5 s'));
  });
});
