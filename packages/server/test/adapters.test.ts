import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  checkResponse,
  HeaderFields,
  parseAuthorization,
  Refusal,
  Secret,
} from '@countersign/core';
import {
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  staticKeys,
  type VerificationEvent,
  type VerifierOptions,
} from '@countersign/server';
import {
  headerOf,
  type SignedRequestOptions,
  signedRequest,
  TEST_KEY,
  TEST_KEY_ENTRY,
  toHttp1,
  withAddedHeader,
  withAuthorization,
  withBody,
  withHeader,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import {
  SERVERS,
  type Seen,
  type Started,
  type StartServer,
  startHttp2,
} from './adapter-servers.js';
import { type Reply, Wire } from './wire.js';

const started: Started[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.close();
});

async function rig(start: StartServer, options: Partial<VerifierOptions> = {}) {
  const events: VerificationEvent[] = [];
  const nonces = memoryNonceStore({ start: 'fresh' });
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces,
    hosts: ['api.example.com'],
    onEvent: (event) => events.push(event),
    ...options,
  });
  const server = await start(verifier);
  started.push(server);
  const send = async (bytes: Uint8Array): Promise<Reply> => {
    const wire = await Wire.open(server.port);
    wire.write(bytes);
    const reply = await wire.reply();
    wire.socket.destroy();
    return reply;
  };
  return { server, nonces, events, send };
}

const order = (more: SignedRequestOptions = {}) =>
  signedRequest({
    method: 'POST',
    url: 'https://api.example.com/mount/json?b=2&a=%7e1',
    headers: { 'Content-Type': 'application/json' },
    body: '{"qty":2}',
    now: Date.now,
    ...more,
  });

const seen = (reply: Reply): Seen => JSON.parse(reply.body);
const codeOf = (reply: Reply): string => JSON.parse(reply.body).code;

describe.each(Object.entries(SERVERS))('%s', (_name, start) => {
  it('shows the handler what was signed, and leaves the body to the framework', async () => {
    const { send } = await rig(start);
    const view = order();
    const reply = await send(toHttp1(view));
    expect(reply.status).toBeLessThan(202);
    expect(seen(reply)).toEqual({
      credential: TEST_KEY.credential,
      target: view.target,
      method: 'POST',
      body: '{"qty":2}',
    });
  });

  it('verifies a body that arrives in pieces, chunked and late', async () => {
    const { server } = await rig(start);
    const view = order({
      headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
    });
    const wire = await Wire.open(server.port);
    for (const byte of toHttp1(view)) {
      wire.write(new Uint8Array([byte]));
      if (byte === 0x7b || byte === 0x0a) await sleep(1);
    }
    const reply = await wire.reply();
    expect([reply.status < 202, seen(reply).body]).toEqual([true, '{"qty":2}']);
    wire.socket.destroy();
  });

  it.each([
    [
      'an altered body',
      (v: ReturnType<typeof order>) => withBody(v, '{"qty":9}'),
      401,
      'digest_mismatch',
    ],
    [
      'an altered query',
      (v: ReturnType<typeof order>) => withTarget(v, '/mount/json?b=3&a=~1'),
      401,
      'credential_rejected',
    ],
    [
      'another signature',
      (v: ReturnType<typeof order>) => withAuthorization(v, { signature: `${'A'.repeat(43)}=` }),
      401,
      'credential_rejected',
    ],
    [
      'no signature',
      (v: ReturnType<typeof order>) => withoutHeader(v, 'authorization'),
      401,
      'authorization_missing',
    ],
    [
      'another host',
      (v: ReturnType<typeof order>) => withHeader(v, 'host', 'evil.example'),
      421,
      'host_not_allowed',
    ],
  ] as const)('refuses %s, and leaves its nonce unused', async (_, alter, status, code) => {
    const { send, nonces, events } = await rig(start);
    const reply = await send(toHttp1(alter(order())));
    expect([reply.status, codeOf(reply)]).toEqual([status, code]);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(nonces.size).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(['refused']);
  });

  it('refuses a replay', async () => {
    const { send } = await rig(start);
    const bytes = toHttp1(order());
    await send(bytes);
    expect(codeOf(await send(bytes))).toBe('nonce_replayed');
  });

  it('lets nobody in particular in where a route says so, and bad credentials nowhere', async () => {
    const { send } = await rig(start);
    const view = signedRequest({ url: 'https://api.example.com/public', now: Date.now });
    const anonymous = await send(toHttp1(withoutHeader(view, 'authorization')));
    expect([anonymous.status, seen(anonymous).credential]).toEqual([200, null]);
    expect(seen(await send(toHttp1(view))).credential).toBe(TEST_KEY.credential);
    const bad = withAuthorization(view, { credential: 'somebody-else' });
    expect((await send(toHttp1(bad))).status).toBe(401);
    expect((await send(toHttp1(withHeader(view, 'authorization', 'Bearer x')))).status).toBe(401);
  });

  it('signs its answers, refusals of a verified request included', async () => {
    const { send } = await rig(start, { signResponses: true });
    const view = order();
    const authorization = parseAuthorization(headerOf(view, 'authorization') ?? '');
    if (authorization instanceof Refusal) throw new Error('unreadable');
    const { algorithm, credential, signature } = authorization;
    const request = { algorithm, credential, signature, secret: Secret.from(TEST_KEY.secret) };
    for (const status of [200, 401]) {
      const reply = await send(toHttp1(view));
      expect(reply.status).toBe(status);
      const fields = new HeaderFields([...reply.headers].flat());
      const response = { status, fields, body: Buffer.from(reply.body) };
      expect(checkResponse(response, request)).toBeUndefined();
      expect(checkResponse({ ...response, body: Buffer.from('x') }, request)).toBeDefined();
    }
  });

  it('answers 500, signed, in place of more bytes than it signs', async () => {
    const { send } = await rig(start, { signResponses: true, maxResponseBytes: 20 });
    const view = order();
    const authorization = parseAuthorization(headerOf(view, 'authorization') ?? '');
    if (authorization instanceof Refusal) throw new Error('unreadable');
    const reply = await send(toHttp1(view));
    expect([reply.status, reply.body]).toEqual([
      500,
      expect.stringContaining('more than 20 bytes'),
    ]);
    const fields = new HeaderFields([...reply.headers].flat());
    const response = { status: 500, fields, body: Buffer.from(reply.body) };
    const request = { ...authorization, secret: Secret.from(TEST_KEY.secret) };
    expect(checkResponse(response, request)).toBeUndefined();
  });
});

// NestJS reads bodies before its guards run.
const STREAMING = Object.entries(SERVERS).filter(([name]) => name !== 'NestJS');

describe.each(STREAMING)('%s', (_name, start) => {
  it('refuses before a caller that asks first has sent its body', async () => {
    const { server } = await rig(start);
    const ask = async (view: ReturnType<typeof order>) => {
      const wire = await Wire.open(server.port);
      const bytes = toHttp1(withAddedHeader(view, 'Expect', '100-continue'));
      const end = Buffer.from(bytes).indexOf('\r\n\r\n') + 4;
      wire.write(bytes.subarray(0, end));
      const first = await wire.reply();
      if (first.status === 100) wire.write(bytes.subarray(end));
      const last = first.status === 100 ? await wire.reply() : undefined;
      wire.socket.destroy();
      return [first.status, last?.status];
    };
    expect(await ask(order())).toEqual([100, 200]);
    expect(await ask(withTarget(order(), '/mount/json?b=3'))).toEqual([401, undefined]);
    const streamed = order({ url: 'https://api.example.com/upload' });
    expect(await ask(streamed)).toEqual([100, 200]);
  });

  it('hands a streamed body on, and ends it with an error if it does not hold', async () => {
    const { send, events } = await rig(start);
    const upload = (body: string) =>
      signedRequest({
        method: 'PUT',
        url: 'https://api.example.com/upload',
        headers: { 'Content-Type': 'text/plain' },
        body,
        now: Date.now,
      });
    const big = 'x'.repeat(300_000);
    const good = await send(toHttp1(upload(big)));
    expect([good.status, seen(good).body.length]).toEqual([200, big.length]);
    const bad = await send(toHttp1(withBody(upload(big), `${'x'.repeat(299_999)}y`)));
    expect(bad.status).toBe(401);
    expect(events.map(({ type, code }) => code ?? type)).toEqual([
      'accepted',
      'accepted',
      'digest_mismatch',
    ]);
  });
});

describe.each(STREAMING)('%s, when the body is there before the verdict', (_name, start) => {
  const keys = staticKeys([TEST_KEY_ENTRY]);
  const slow: KeyStore = {
    find: async (credential) => {
      await sleep(20);
      return keys.find(credential);
    },
  };

  it('hands over a body that holds, whole or streamed, and no byte of another', async () => {
    const { send, events } = await rig(start, { keys: slow });
    for (const path of ['/mount/json', '/upload']) {
      const view = order({ url: `https://api.example.com${path}` });
      expect(seen(await send(toHttp1(view))).body).toBe('{"qty":2}');
      const altered = withBody(order({ url: `https://api.example.com${path}` }), '{"qty":9}');
      const reply = await send(toHttp1(altered));
      expect([reply.status, reply.body.includes('qty')]).toEqual([401, false]);
    }
    expect(events.filter(({ type }) => type === 'refused').map(({ code }) => code)).toEqual([
      'digest_mismatch',
      'digest_mismatch',
    ]);
  });
});

describe('node:http2', () => {
  const call = async (
    port: number,
    view: ReturnType<typeof order>,
    more: Record<string, string> = {},
  ) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const fields: Record<string, string> = {};
    for (let i = 0; i < view.headers.length; i += 2) {
      const field = (view.headers[i] as string).toLowerCase();
      if (field !== 'host') fields[field] = view.headers[i + 1] as string;
    }
    const pseudo = {
      ':method': view.method,
      ':path': view.target,
      ':authority': 'api.example.com',
    };
    const stream = session.request({ ...pseudo, ...fields, ...more }, { endStream: false });
    stream.end(view.body ?? '');
    const [headers] = await once(stream, 'response');
    let body = '';
    for await (const piece of stream.setEncoding('utf8')) body += piece;
    session.close();
    return { status: headers[':status'] as number, body };
  };

  it('takes :authority for host, and reads the body', async () => {
    const { server } = await rig(startHttp2);
    const view = order();
    const reply = await call(server.port, view);
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.body)).toMatchObject({ target: view.target, body: '{"qty":2}' });
    expect(JSON.parse((await call(server.port, view)).body).code).toBe('nonce_replayed');
  });

  it('refuses a host that says something else, an altered body and a body nobody signed', async () => {
    const { server } = await rig(startHttp2);
    const other = await call(server.port, order(), { host: 'evil.example' });
    expect([other.status, JSON.parse(other.body).code]).toEqual([400, 'header_duplicated']);
    const altered = await call(server.port, withBody(order(), '{"qty":9}'));
    expect(JSON.parse(altered.body).code).toBe('digest_mismatch');
    const bare = signedRequest({ url: 'https://api.example.com/mount/json', now: Date.now });
    const smuggled = await call(server.port, { ...bare, method: 'GET', body: Buffer.from('x') });
    expect(JSON.parse(smuggled.body).code).toBe('digest_missing');
  });
});
