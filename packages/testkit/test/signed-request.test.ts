import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import {
  createVerifier,
  memoryNonceStore,
  type RefusalCode,
  type RequestView,
  staticKeys,
} from '@countersign/server';
import { protect } from '@countersign/server/node';
import {
  headerOf,
  type SignedRequestView,
  signedRequest,
  TEST_KEY_ENTRY,
  toHttp1,
  withAddedHeader,
  withAuthorization,
  withBody,
  withHeader,
  withMethod,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const now = () => Date.UTC(2020, 0, 1, 12, 0, 30);
const verifierAt = (time: () => number) =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh', now: time }),
    hosts: ['api.example.com'],
    now: time,
  });

async function outcome(view: RequestView): Promise<'accepted' | RefusalCode> {
  const verdict = await verifierAt(now).verify(view);
  return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
}

const ORDER = {
  method: 'POST',
  url: 'https://API.example.com:443/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9',
  headers: { 'Content-Type': 'application/json' },
  body: '{"sku":"A-1","qty":2}',
  nonce: () => '4fA9sGdR2l3n0QwErTy8uA',
  now,
};

describe('signedRequest', () => {
  it('is the worked example, field for field', () => {
    const view = signedRequest({ ...ORDER, remoteAddress: '192.0.2.7' });
    expect(view).toEqual({
      method: 'POST',
      target: '/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9',
      headers: [
        ...['Host', 'API.example.com:443'],
        ...['Content-Type', 'application/json'],
        ...['Content-Length', '21'],
        ...['Date', 'Wed, 01 Jan 2020 12:00:30 GMT'],
        ...['X-Nonce', '4fA9sGdR2l3n0QwErTy8uA'],
        ...['Content-Digest', 'sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:'],
        ...[
          'Authorization',
          'HMAC-256 Credential=orders-service,SignedHeaders=content-digest;content-type;date;host;x-nonce,Signature=Wbnr4FycH4qrimxeaMV+q91dne9JsVaTUxeE0+M4E70=',
        ],
      ],
      body: new TextEncoder().encode('{"sku":"A-1","qty":2}'),
      remoteAddress: '192.0.2.7',
    });
  });

  it('is accepted as it is, with every kind of body', async () => {
    const bytes = new Uint8Array([0, 255, 7]);
    expect(await outcome(signedRequest({ now }))).toBe('accepted');
    for (const body of ['', 'é', bytes, bytes.buffer, new URLSearchParams({ a: 'b c' }), null]) {
      expect(await outcome(signedRequest({ now, method: 'PUT', body }))).toBe('accepted');
    }
  });

  it('reads headers that can be read only once, and repeats no Host', () => {
    const pairs = new Map([
      ['X-A', '1'],
      ['HOST', 'api.example.com'],
    ]).entries();
    const view = signedRequest({ now, headers: pairs, signedHeaders: ['x-a'] });
    expect(headerOf(view, 'x-a')).toBe('1');
    expect(view.headers.filter((name) => /^host$/i.test(name))).toEqual(['Host']);
  });

  it('names what it cannot sign', () => {
    expect(() => signedRequest({ url: 'https://api.example.com/a/../b' })).toThrow(/^url: /);
    expect(() => signedRequest({ secret: 'short' })).toThrow(/^secret: /);
  });
});

describe('changing a view', () => {
  const view = signedRequest(ORDER);
  const changes: readonly (readonly [string, SignedRequestView, RefusalCode])[] = [
    ['withMethod', withMethod(view, 'PUT'), 'signature_mismatch'],
    ['withTarget', withTarget(view, '/v1/orders/bob'), 'signature_mismatch'],
    ['withHeader', withHeader(view, 'content-type', 'text/plain'), 'signature_mismatch'],
    ['withHeader, unsigned', withHeader(view, 'content-encoding', 'gzip'), 'header_unsigned'],
    ['withAddedHeader', withAddedHeader(view, 'x-nonce', 'B'.repeat(22)), 'header_duplicated'],
    ['withoutHeader', withoutHeader(view, 'DATE'), 'header_missing'],
    ['withBody', withBody(view, '{"sku":"A-1","qty":9}'), 'digest_mismatch'],
    ['withBody, longer', withBody(view, new Uint8Array(99)), 'digest_mismatch'],
    ['withBody, none', withBody(view, undefined), 'digest_mismatch'],
    ['withAuthorization', withAuthorization(view, { credential: 'x' }), 'credential_unknown'],
  ];

  it.each(changes)('%s', async (_, changed, code) => {
    expect(await outcome(changed)).toBe(code);
    expect(await outcome(view)).toBe('accepted');
  });

  it('replaces in place, once, and keeps the spelling', () => {
    const headers = ['Host', 'h', 'X-A', '1', 'x-b', '2', 'x-a', '3'];
    const changed = withHeader({ method: 'GET', target: '/', headers }, 'x-A', '9');
    expect(changed.headers).toEqual(['Host', 'h', 'X-A', '9', 'x-b', '2']);
  });

  it('takes values for values, even if they look like names', () => {
    const headers = ['x-a', 'date', 'date', 'x-a'];
    const request = { method: 'GET', target: '/', headers };
    expect(headerOf(request, 'date')).toBe('x-a');
    expect(withoutHeader(request, 'date').headers).toEqual(['x-a', 'date']);
  });

  it('changes no Authorization that is not there', () => {
    expect(() => withAuthorization(withoutHeader(view, 'authorization'), {})).toThrow(TypeError);
  });
});

describe('toHttp1', () => {
  let server: Server;
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
  });

  beforeAll(async () => {
    server = createServer(
      protect(verifier, (_, response, { body }) => response.end(`got ${body.length} bytes`)),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => {
    server.close();
  });

  async function exchange(view: SignedRequestView): Promise<string> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(toHttp1(withAddedHeader(view, 'Connection', 'close')));
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  const post = (body: Uint8Array) => signedRequest({ method: 'POST', body });

  it('is what a real server reads and accepts', async () => {
    expect(await exchange(signedRequest())).toMatch(/^HTTP\/1\.1 200 [\s\S]*got 0 bytes/);
    expect(await exchange(post(new Uint8Array(70_000)))).toMatch(/got 70000 bytes/);
  });

  it('writes a body in chunks where the view says so', async () => {
    for (const length of [0, 300]) {
      const view = withHeader(
        withoutHeader(post(new Uint8Array(length)), 'content-length'),
        'Transfer-Encoding',
        'chunked',
      );
      expect(await exchange(view)).toMatch(`got ${length} bytes`);
    }
  });

  it('repairs nothing', () => {
    const view = { method: 'G T', target: '/ é', headers: ['a b', 'c\r\nd'], body: undefined };
    expect(toHttp1(view)).toEqual(Buffer.from('G T / é HTTP/1.1\r\na b: c\r\nd\r\n\r\n', 'latin1'));
    expect(() => toHttp1({ ...view, target: '/€' })).toThrow(RangeError);
  });

  it('makes a tampered request that a real server refuses', async () => {
    const view = post(new Uint8Array(3));
    expect(await exchange(withBody(view, 'abc'))).toMatch(/^HTTP\/1\.1 401 [\s\S]*digest_mismatch/);
    expect(await exchange(withoutHeader(view, 'x-nonce'))).toMatch(
      /^HTTP\/1\.1 401 [\s\S]*header_missing/,
    );
  });
});
