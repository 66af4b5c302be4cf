import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import {
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  TEST_KEY,
  TEST_KEY_ENTRY,
  Wire,
  type WireReply,
  withHeader,
  withTarget,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { RESIGNED_FIELDS } from '../src/proxy/resign.js';
import { type Got, proxyTo, service, untilTestEnds } from './proxy-rig.js';

const SECRET = 'csk_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8';
const verifierOf = (options = {}) =>
  createVerifier({
    keys: staticKeys([{ ...TEST_KEY_ENTRY, group: 'partners' }]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
    ...options,
  });

async function rig(more: Parameters<typeof proxyTo>[2] = {}, options = {}) {
  const behind = await untilTestEnds(service());
  const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf(options), more));
  return { behind, proxy };
}

async function send(
  port: number,
  request: SignedRequestView | string | Uint8Array,
): Promise<WireReply> {
  const wire = await Wire.open(port);
  try {
    return await wire.write(request).reply();
  } finally {
    wire.socket.destroy();
  }
}

const now = () => Date.now();
const signed = (options: SignedRequestOptions = {}) => signedRequest({ now, ...options });
const adding = (view: SignedRequestView, ...more: string[]): SignedRequestView => ({
  ...view,
  headers: [...view.headers, ...more],
});
const valuesOf = ({ headers }: Got, name: string) =>
  headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);

describe('what upstream gets', () => {
  it('is the target byte for byte, the body, and who called', async () => {
    const { behind, proxy } = await rig();
    const url = 'https://api.example.com/v1/orders/%7ealice?b=2&a=caf%c3%a9&';
    const reply = await send(proxy.port, signed({ method: 'POST', url, body: '{"sku":1}' }));
    expect([reply.status, reply.body]).toEqual([200, 'done']);
    const [got] = behind.got as [Got];
    expect([got.method, got.target, `${got.body}`]).toEqual([
      'POST',
      '/v1/orders/%7ealice?b=2&a=caf%c3%a9&',
      '{"sku":1}',
    ]);
    expect(valuesOf(got, 'x-countersign-credential')).toEqual(['orders-service']);
    expect(valuesOf(got, 'x-countersign-group')).toEqual(['partners']);
    expect(valuesOf(got, 'x-countersign-signed-headers')).toEqual([
      'content-digest;date;host;x-nonce',
    ]);
    expect(valuesOf(got, 'host')).toEqual(['api.example.com']);
    expect(valuesOf(got, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(valuesOf(got, 'x-forwarded-proto')).toEqual(['http']);
    expect(valuesOf(got, 'content-length')).toEqual(['9']);
  });

  it.each([
    'X-Countersign-Credential',
    'x-countersign-group',
    'X_Countersign_Credential',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Prefix',
    'X_Forwarded_For',
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Original-Method',
    'X-Rewrite-URL',
    'x_nonce',
    'X.Tenant',
    'Content.Type',
    'X_HTTP_Method_Override',
    'X-HTTP_Method-Override',
    'Proxy-Authorization',
    'TE',
    'Keep-Alive',
  ])('is not the %s of the caller', async (name) => {
    const { behind, proxy } = await rig();
    const reply = await send(proxy.port, adding(signed(), name, 'spoofed'));
    expect(reply.status).toBe(200);
    expect((behind.got[0] as Got).headers).not.toContain('spoofed');
  });

  it.each(['X-Forwarded-For', 'X-Original-URL'])('is not a signed %s either', async (name) => {
    const { behind, proxy } = await rig();
    const headers = { [name]: 'spoofed' };
    const view = signed({ headers, signedHeaders: [name.toLowerCase()] });
    expect((await send(proxy.port, view)).status).toBe(200);
    expect((behind.got[0] as Got).headers).not.toContain('spoofed');
  });

  it('is a field with an underscore that was signed', async () => {
    const { behind, proxy } = await rig();
    const view = signed({ headers: { x_tenant: 'a' }, signedHeaders: ['x_tenant'] });
    expect((await send(proxy.port, view)).status).toBe(200);
    expect(valuesOf(behind.got[0] as Got, 'x_tenant')).toEqual(['a']);
  });

  it.each([...".!#$%&'*+^`|~_"])('is not what a name with %s may be taken for', async (odd) => {
    const { behind, proxy } = await rig();
    const names = ['X-Countersign-Group', 'X-HTTP-Method-Override', 'X-Forwarded-For', 'X-Tenant'];
    const more = names.flatMap((name) => [name.replaceAll('-', odd), 'spoofed']);
    expect((await send(proxy.port, adding(signed(), ...more))).status).toBe(200);
    expect((behind.got[0] as Got).headers).not.toContain('spoofed');
  });

  it('is what a trusted proxy said of the caller, and the proxy', async () => {
    const { behind, proxy } = await rig({ isTrusted: () => true });
    const more = ['X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Proto', 'https'];
    await send(proxy.port, adding(signed(), ...more));
    const [got] = behind.got as [Got];
    expect(valuesOf(got, 'x-forwarded-for')).toEqual(['192.0.2.1, 127.0.0.1']);
    expect(valuesOf(got, 'x-forwarded-proto')).toEqual(['https']);
  });

  it('is signed by the gateway, if it has a key', async () => {
    const behind = await untilTestEnds(service());
    const signer = createSigner({
      credential: 'gateway',
      secret: SECRET,
      signedHeaders: [...RESIGNED_FIELDS],
    });
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf(), { resign: { signer } }));
    await send(
      proxy.port,
      signed({ method: 'POST', body: 'x', url: 'https://api.example.com/a?b' }),
    );
    const [{ method, target, headers, body }] = behind.got as [Got];
    const service2 = createVerifier({
      keys: staticKeys([{ credential: 'gateway', secrets: [{ secret: SECRET }] }]),
      nonces: memoryNonceStore({ start: 'fresh' }),
      hosts: ['api.example.com'],
      requiredHeaders: [...RESIGNED_FIELDS],
    });
    expect(await service2.verify({ method, target, headers, body })).toMatchObject({
      verdict: 'accepted',
      identity: { credential: 'gateway' },
    });
    const [got] = behind.got as [Got];
    expect(valuesOf(got, 'x-countersign-credential')).toEqual(['orders-service']);
    expect(valuesOf(got, 'x-countersign-signed-headers')).toEqual(['content-digest;host']);
    for (const name of RESIGNED_FIELDS) {
      const changed = headers.map((value, i) =>
        headers[i - 1]?.toLowerCase() === name ? `${value}x` : value,
      );
      const view = { method, target, headers: changed, body };
      expect(await service2.verify(view)).toMatchObject({ code: 'signature_mismatch' });
    }
  });

  it('is signed though a trusted proxy said the same field twice, or in other letters', async () => {
    const behind = await untilTestEnds(service());
    const signer = createSigner({
      credential: 'gateway',
      secret: SECRET,
      signedHeaders: [...RESIGNED_FIELDS],
    });
    const more = { resign: { signer }, isTrusted: () => true };
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf(), more));
    const told = ['X-Forwarded-Proto', 'https', 'X-Forwarded-Proto', 'http'];
    const reply = await send(
      proxy.port,
      adding(signed(), ...told, 'X-Forwarded-For', 'caf\xe9', 'X-Forwarded-For', '192.0.2.1'),
    );
    expect(reply.status).toBe(200);
    const [got] = behind.got as [Got];
    expect(valuesOf(got, 'x-forwarded-proto')).toEqual(['https, http']);
    expect(valuesOf(got, 'x-forwarded-for')).toEqual(['caf?, 192.0.2.1, 127.0.0.1']);
  });
});

describe('a presigned URL', () => {
  it.each(['/a', '/a?b=1&c', '/%7Ea?&b=X-Hmac-Date=1'])(
    'is passed on without its signature where the gateway signs, and as it came where it does not: %s',
    async (path) => {
      const secret = { credential: 'gateway', secret: SECRET };
      const signer = createSigner({ ...secret, signedHeaders: [...RESIGNED_FIELDS] });
      const url = createSigner(TEST_KEY).presign(`https://api.example.com${path}`, {
        expiresIn: 60,
        singleUse: true,
      });
      const target = url.slice('https://api.example.com'.length);
      const request = `GET ${target} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`;
      for (const resign of [{ signer }, undefined]) {
        const { behind, proxy } = await rig({ resign }, { presigned: true });
        expect((await send(proxy.port, request)).status).toBe(200);
        const [{ method, target: got, headers }] = behind.got as [Got];
        expect(got).toBe(resign === undefined ? target : path);
        if (resign === undefined) continue;
        const next = createVerifier({
          keys: staticKeys([{ credential: 'gateway', secrets: [{ secret: SECRET }] }]),
          nonces: memoryNonceStore({ start: 'fresh' }),
          hosts: ['api.example.com'],
          presigned: true,
        });
        const verdict = await next.verify({ method, target: got, headers, body: undefined });
        expect(verdict).toMatchObject({ identity: { credential: 'gateway' } });
      }
    },
  );
});

describe('what is refused', () => {
  it.each([
    ['x-nonce'],
    ['close, X-Nonce'],
    ['keep-alive, host'],
    ['authorization'],
    ['content-type'],
    ['x-tenant'],
  ])('Connection: %s', async (connection) => {
    const { behind, proxy } = await rig();
    const headers = { 'X-Tenant': 'a', 'Content-Type': 'text/plain' };
    const view = adding(signed({ headers }), 'Connection', connection);
    const reply = await send(proxy.port, view);
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([400, 'header_malformed']);
    expect(behind.got).toEqual([]);
  });

  it.each([
    ...['x_http_method_override', 'x-http_method-override', 'x_http_method', 'x.method~override'],
    ...['x_countersign_group', 'x.forwarded.for', 'x_nonce', 'content_type', 'transfer_encoding'],
  ])('a signed %s', async (name) => {
    const { behind, proxy } = await rig();
    const view = signed({ headers: { [name]: 'DELETE' }, signedHeaders: [name] });
    const reply = await send(proxy.port, view);
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([400, 'header_malformed']);
    const upgrade = adding(view, 'Connection', 'Upgrade', 'Upgrade', 'websocket');
    expect((await send(proxy.port, upgrade)).status).toBe(400);
    expect(behind.got).toEqual([]);
  });

  const post = () => signed({ method: 'POST', body: '{"qty":1}' });
  it.each([
    ['another target', (): SignedRequestView => withTarget(post(), '/v2'), 401],
    ['another body', () => ({ ...post(), body: Buffer.from('{"qty":9}') }), 401],
    ['another date', () => withHeader(post(), 'Date', 'Wed, 01 Jan 2020 12:00:30 GMT'), 401],
    ['a target of two slashes', () => withTarget(signed(), '//v1'), 400],
    ['an absolute target', () => withTarget(signed(), 'http://api.example.com/'), 400],
    ['no signature', () => 'GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n', 401],
  ] as [string, () => SignedRequestView | string, number][])('%s', async (_, request, status) => {
    const { behind, proxy } = await rig();
    expect((await send(proxy.port, request())).status).toBe(status);
    expect(behind.got).toEqual([]);
  });

  it('a replay', async () => {
    const { behind, proxy } = await rig();
    const view = post();
    expect((await send(proxy.port, view)).status).toBe(200);
    const reply = await send(proxy.port, view);
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([401, 'nonce_replayed']);
    expect(behind.got).toHaveLength(1);
  });
});

describe('what the caller gets', () => {
  it('are status, fields and trailers as upstream sent them', async () => {
    const behind = await untilTestEnds(
      service((_, response) => {
        response.writeHead(418, 'Short and stout', [
          ...['X-Case', 'Kept', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
          ...['Connection', 'x-secret', 'X-Secret', '1', 'Trailer', 'X-Sum'],
        ]);
        response.write('tea');
        response.addTrailers({ 'X-Sum': '7' });
        response.end();
      }),
    );
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf()));
    const wire = await Wire.open(proxy.port);
    let text = '';
    wire.socket.on('data', (piece) => {
      text += piece;
    });
    const reply = await wire.write(signed()).reply();
    wire.socket.destroy();
    expect([reply.status, reply.body]).toEqual([418, 'tea']);
    expect(text).toContain('418 Short and stout');
    expect(text).toContain('X-Case: Kept\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n');
    expect(text).not.toMatch(/x-secret/i);
    expect(text).toContain('\r\n0\r\nx-sum: 7\r\n');
  });

  it('is the answer to HEAD without a body', async () => {
    const behind = await untilTestEnds(
      service((_, response) => response.writeHead(200, { 'Content-Length': 4 }).end()),
    );
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf()));
    const wire = await Wire.open(proxy.port);
    const reply = await wire.write(signed({ method: 'HEAD' })).reply('HEAD');
    wire.socket.destroy();
    expect([reply.status, reply.headers.get('content-length')]).toEqual([200, '4']);
  });
});
