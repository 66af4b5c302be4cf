import { once } from 'node:events';
import { constants } from 'node:http2';
import { text } from 'node:stream/consumers';
import { createSigner } from '@countersign/client';
import { BodyRefusedError, type VerificationEvent, type Verifier } from '@countersign/server';
import {
  type SignedRequestOptions,
  type SignedRequestView,
  TEST_KEY,
  withBody,
  withTarget,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { answerOf, type Handler, open, send, signed, startHttp2 } from './http2-rig.js';

describe('Expect: 100-continue over HTTP/2', () => {
  it('is answered with 100 once the header is verified, and with a refusal before', async () => {
    const handler: Handler = (_, response) => response.end('done');
    const { session, handled, nonces } = await startHttp2({ handler });
    const view = signed();
    const stream = open(session, view, { expect: '100-continue' });
    await once(stream, 'continue');
    expect([handled(), nonces.size]).toEqual([0, 0]);
    stream.end(view.body);
    expect((await answerOf(stream)).status).toBe(200);

    const forged = open(session, withTarget(signed(), '/v1/invoices'), { expect: '100-continue' });
    let continued = false;
    forged.once('continue', () => {
      continued = true;
    });
    const refused = await answerOf(forged);
    expect([refused.status, continued, handled()]).toEqual([401, false, 1]);
  });
});

describe('a streamed body over HTTP/2', () => {
  const STREAMED = { body: 'stream', maxBodyBytes: 2 ** 20 } as const;
  /** Tells how much of the body a handler saw, and how it ended. */
  function watching() {
    const seen = { bytes: 0, end: undefined as unknown };
    const handler: Handler = async (request, response) => {
      try {
        for await (const piece of request) seen.bytes += (piece as Buffer).length;
        seen.end = 'whole';
        response.end('done');
      } catch (error) {
        seen.end = error;
        response.writeHead(401).end();
      }
    };
    return { seen, handler, route: (verifier: Verifier) => verifier.route(STREAMED) };
  }
  const body = Buffer.alloc(300_000, 'x');

  it('is handed on while it arrives', async () => {
    const { seen, ...rig } = watching();
    const { session } = await startHttp2(rig);
    const stream = open(session, signed({ body }));
    stream.write(body.subarray(0, 200_000));
    await expect.poll(() => seen.bytes).toBeGreaterThan(0);
    expect(seen.end).toBeUndefined();
    stream.end(body.subarray(200_000));
    expect((await answerOf(stream)).status).toBe(200);
    expect(seen).toEqual({ bytes: body.length, end: 'whole' });
    if (!stream.closed) await once(stream, 'close'); // which nobody may take for a second end
  });

  it('ends with an error, without its last piece, if it was altered', async () => {
    const { seen, ...rig } = watching();
    const { session } = await startHttp2(rig);
    const altered = Buffer.from(body).fill('y', 299_999);
    const answer = await send(session, withBody(signed({ body }), altered));
    expect(answer.status).toBe(401);
    expect(seen.end).toBeInstanceOf(BodyRefusedError);
    expect(seen.end).toMatchObject({ refusal: { code: 'digest_mismatch' } });
    expect(seen.bytes).toBeLessThan(body.length);
  });

  it('ends with an error if it ends early, or goes on', async () => {
    const { seen, ...rig } = watching();
    const { session } = await startHttp2(rig);
    const bare = (more: SignedRequestOptions = {}) => {
      const view = signed({ body, ...more });
      const at = view.headers.indexOf('Content-Length');
      return { ...view, headers: view.headers.toSpliced(at, 2) };
    };
    expect((await send(session, bare())).status).toBe(200);
    for (const other of [body.subarray(1), Buffer.concat([body, Buffer.from('x')])]) {
      expect((await send(session, { ...bare(), body: other })).status).toBe(401);
      expect(seen.end).toMatchObject({ refusal: { code: 'digest_mismatch' } });
    }
  });

  it('ends with an error if its caller is gone', async () => {
    const { seen, ...rig } = watching();
    const { session, nonces } = await startHttp2(rig);
    const stream = open(session, signed({ body }));
    stream.write(body.subarray(0, 200_000));
    await expect.poll(() => seen.bytes).toBeGreaterThan(0);
    stream.close(constants.NGHTTP2_CANCEL);
    await expect.poll(() => seen.end).toBeInstanceOf(Error);
    expect(nonces.size).toBe(1);
    expect((await send(session, signed({ body }))).status).toBe(200);
  });
});

describe('a buffered body over HTTP/2', () => {
  it('never reaches a handler if its caller is gone before the end', async () => {
    const handler: Handler = (_, response) => response.end('done');
    const codes: (string | undefined)[] = [];
    const onEvent = ({ type, code }: VerificationEvent) => codes.push(code ?? type);
    const { session, nonces, handled } = await startHttp2({ handler, onEvent });
    const view = signed();
    const stream = open(session, view);
    stream.write(view.body?.subarray(1));
    await once(session, 'remoteSettings');
    stream.close(constants.NGHTTP2_CANCEL);
    await expect.poll(() => codes).toEqual(['body_incomplete']);
    expect([handled(), nonces.size]).toEqual([0, 0]);
    expect((await send(session, view)).status).toBe(200);
  });
});

describe('a body that nothing announced, over HTTP/2', () => {
  const MODES = ['buffer', 'stream', 'unsigned'] as const;
  /** Gives the code of the refusal, of the whole or of the stream; or what the handler read. */
  async function startRig(route: (verifier: Verifier) => Verifier) {
    const handler: Handler = (request, response) =>
      text(request).then(
        (body) => response.end(body),
        (error: BodyRefusedError) =>
          response.writeHead(error.status).end(JSON.stringify({ code: error.refusal.code })),
      );
    const { session } = await startHttp2({ handler, route });
    return async (view: SignedRequestView) => {
      const { status, body } = await send(session, { ...view, body: Buffer.from('two of A-1') });
      return status === 200 ? String(body) : `${status} ${JSON.parse(String(body)).code}`;
    };
  }

  it.each(MODES)('is refused behind a presigned URL: %s', async (body) => {
    const sendTo = await startRig((verifier) => verifier.route({ body, presigned: true }));
    const url = createSigner(TEST_KEY).presign('https://api.example.com/a', { expiresIn: 60 });
    const target = url.slice('https://api.example.com'.length);
    const view = { method: 'GET', target, headers: ['Host', 'api.example.com'] };
    expect(await sendTo(view)).toBe('401 digest_missing');
  });

  it.each(MODES)('is refused unless it need not be signed: %s', async (body) => {
    const sendTo = await startRig((verifier) => verifier.route({ body }));
    const view = signed({ method: 'GET', headers: {}, body: null });
    expect(await sendTo(view)).toBe(body === 'unsigned' ? 'two of A-1' : '401 digest_missing');
  });
});
