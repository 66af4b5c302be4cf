import { type AnyBody, createSigner, signedFetch } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { TEST_KEY, TEST_KEY_ENTRY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { FETCHES, signedBy } from './fetches.js';
import { type Echo, startEcho, startListener, startRecorder, startServer } from './servers.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe.each(FETCHES)('signedFetch over the fetch of %s', (_, fetch) => {
  const bytes = new Uint8Array([0, 255, 128, 10, 13]);
  it.each<readonly [string, AnyBody | null | undefined, string, string | null]>([
    ['a string', 'caf\u00e9 \u20ac', base64('caf\u00e9 \u20ac'), 'text/plain;charset=UTF-8'],
    ['half a surrogate pair', 'a\ud800b', base64('a\ufffdb'), 'text/plain;charset=UTF-8'],
    ['an empty string', '', '', 'text/plain;charset=UTF-8'],
    ['a Uint8Array', bytes, 'AP+ACg0=', null],
    ['a part of a buffer', bytes.subarray(1, 3), '/4A=', null],
    ['a Buffer', Buffer.from('x'), base64('x'), null],
    ['an ArrayBuffer', bytes.buffer, 'AP+ACg0=', null],
    ['an empty Uint8Array', new Uint8Array(0), '', null],
    [
      '64 KiB and more',
      'x'.repeat(100_000),
      base64('x'.repeat(100_000)),
      'text/plain;charset=UTF-8',
    ],
    [
      'URLSearchParams',
      new URLSearchParams({ 'a b': '\u00e9&' }),
      base64('a+b=%C3%A9%26'),
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['null', null, '', null],
    ['nothing', undefined, '', null],
  ])('a POST with %s is accepted', async (_, body, expected, contentType) => {
    const { origin } = await startEcho();
    const init = body === undefined ? { method: 'POST' } : { method: 'POST', body };
    const response = await signedBy(fetch, [origin])(`${origin}/v1/orders`, init);
    expect(response.status).toBe(200);
    const echo = (await response.json()) as Echo;
    expect(echo).toMatchObject({
      method: 'POST',
      target: '/v1/orders',
      body: expected,
      contentType,
    });
    expect(echo.signedHeaders).toContain('content-digest');
    expect(echo.signedHeaders.includes('content-type')).toBe(contentType !== null);
  });

  it('a content type of the caller is kept and signed', async () => {
    const { origin } = await startEcho();
    const call = signedBy(fetch, [origin]);
    for (const body of ['{}', new URLSearchParams({ a: '1' }), bytes]) {
      const headers = { 'CONTENT-type': 'application/json' };
      const echo = (await (await call(origin, { method: 'PUT', headers, body })).json()) as Echo;
      expect(echo.contentType).toBe('application/json');
      expect(echo.signedHeaders).toContain('content-type');
    }
  });

  it.each([
    ['get', 'GET'],
    ['pOsT', 'POST'],
    ['put', 'PUT'],
    ['delete', 'DELETE'],
    ['options', 'OPTIONS'],
    ['head', 'HEAD'],
    ['PATCH', 'PATCH'],
  ])('the method %s arrives as %s', async (method, expected) => {
    const { origin, seen } = await startEcho();
    const response = await signedBy(fetch, [origin])(origin, { method });
    expect(response.status).toBe(200);
    expect(seen.map((request) => request.method)).toEqual([expected]);
    expect(seen[0]?.caller).toBeDefined();
  });

  it('a method that fetch leaves as it is, is signed as it is', async () => {
    // The parser of Node takes `patch` for no method at all, so this server only looks at the lines.
    const { origin, heads } = await startRecorder();
    const response = await signedBy(fetch, [origin])(origin, { method: 'patch', body: 'x' });
    expect(response.status).toBe(200);
    const [line, ...fields] = heads[0]?.split('\r\n') ?? [];
    expect(line).toBe('patch / HTTP/1.1');
    const raw = fields.flatMap((field) => field.split(/: (.*)/s).slice(0, 2));
    const verifier = createVerifier({
      keys: staticKeys([TEST_KEY_ENTRY]),
      nonces: memoryNonceStore({ start: 'fresh' }),
      hosts: [new URL(origin).host],
    });
    const view = { target: '/', headers: raw, body: new TextEncoder().encode('x') };
    const upper = await verifier.verify({ ...view, method: 'PATCH' });
    const lower = await verifier.verify({ ...view, method: 'patch' });
    expect(upper).toMatchObject({ code: 'signature_mismatch' });
    expect(lower).toMatchObject({ verdict: 'accepted' });
  });

  it('a path that the URL parser rewrites is signed as it is sent', async () => {
    const { origin } = await startEcho();
    const call = signedBy(fetch, [origin]);
    for (const [rest, target] of [
      ['/a/../b', '/b'],
      ['/a/%2e%2E/./b', '/b'],
      ['/a b/\u00e9?q=\u00e9 "\'#frag', '/a%20b/%C3%A9?q=%C3%A9%20%22%27'],
      ['\\a', '/a'],
      ["/it's|{x}?b=2&a=1", "/it's|%7Bx%7D?a=1&b=2"],
      ['/%7ealice?x=%7e+', '/~alice?x=~+'],
      ['?', '/'],
      ['/?a?b=/../', '/?a?b=/../'],
    ] as const) {
      for (const url of [origin + rest, new URL(origin + rest)]) {
        const response = await call(url);
        expect(response.status).toBe(200);
        expect(((await response.json()) as Echo).target).toBe(target);
      }
    }
  });

  it('what has no canonical form is refused before it is sent', async () => {
    const { origin, connections } = await startListener();
    const call = signedBy(fetch, [origin]);
    for (const rest of [
      '//a',
      '/a//b',
      '/%',
      '/%00',
      '/a%2F../b',
      '/a;/..;/b',
      `/${'x'.repeat(9000)}`,
    ]) {
      await expect(call(origin + rest)).rejects.toThrow(/^url: /);
    }
    expect(connections()).toBe(0);
  });

  it.each<readonly [string, unknown]>([
    ['an object', { a: 1 }],
    ['a number', 7],
  ])('%s as a body is refused before anything is sent', async (_, body) => {
    const { origin, connections } = await startListener();
    const call = signedBy(fetch, [origin]);
    await expect(call(origin, { method: 'POST', body: body as AnyBody })).rejects.toThrow(
      /^body: /,
    );
    expect(connections()).toBe(0);
  });

  it('headers of the caller cannot stand for those of the signer', async () => {
    const { origin, connections } = await startListener();
    const call = signedBy(fetch, [origin]);
    for (const name of [
      'authorization',
      'Date',
      'X-DATE',
      'x-Nonce',
      'Content-Digest',
      'Host',
      'hOST',
    ]) {
      for (const headers of [{ [name]: 'x' }, [[name, 'x']] as const, new Headers([[name, 'x']])]) {
        const attempt = call(origin, { headers });
        await expect(attempt).rejects.toThrow(TypeError);
        await expect(attempt).rejects.toThrow(new RegExp(`^headers: ${name}`, 'i'));
      }
    }
    const own = new URL(origin).host;
    await expect(call(origin, { headers: { host: own } })).rejects.toThrow(/^headers: host/);
    expect(connections()).toBe(0);
  });

  it('other headers arrive, in every shape', async () => {
    const { origin, seen } = await startEcho();
    const call = signedBy(fetch, [origin]);
    for (const headers of [
      { 'X-A': '1' },
      [['x-a', '1']] as const,
      new Headers({ 'x-a': '1' }),
      new Map([['x-a', '1']]),
    ]) {
      expect((await call(origin, { headers })).status).toBe(200);
    }
    expect(seen.map((request) => request.headers['x-a'])).toEqual(['1', '1', '1', '1']);
  });

  it('a refusal comes back as a plain response', async () => {
    const { origin } = await startEcho();
    const signer = createSigner({ ...TEST_KEY, secret: new Uint8Array(32) });
    const stranger = signedFetch(signer, { origins: [origin], fetch });
    const response = await stranger(origin);
    expect(response.status).toBe(401);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('www-authenticate')).toMatch(/^HMAC-256 /);
    expect(await response.json()).toMatchObject({ code: 'credential_rejected' });
  });

  it('each call has a nonce of its own', async () => {
    const { origin, seen } = await startEcho();
    const call = signedBy(fetch, [origin]);
    const responses = await Promise.all(Array.from({ length: 25 }, () => call(origin)));
    expect(responses.map(({ status }) => status)).toEqual(Array(25).fill(200));
    expect(new Set(seen.map(({ nonce }) => nonce)).size).toBe(25);
  });

  it('what is undefined beside a Request leaves the one of the Request, and so does no body', async () => {
    const { origin, seen } = await startServer((response, { body }) =>
      response.writeHead(302, { Location: '/elsewhere' }).end(body),
    );
    const request = () =>
      new Request(origin, {
        ...{ method: 'DELETE', redirect: 'manual', headers: { 'X-A': '1' } },
        body: 'all of it',
      });
    const call = signedBy(fetch, [origin]);
    const none = { method: undefined, headers: undefined, redirect: undefined, signal: undefined };
    for (const init of [undefined, none, { body: undefined }, { body: null }]) {
      expect(await (await call(request(), init)).text()).toBe('all of it');
    }
    const all = Array(4).fill(['DELETE', '1']);
    expect(seen.map(({ method, headers }) => [method, headers['x-a']])).toEqual(all);
    expect(await (await call(request(), { method: 'PUT', body: '' })).text()).toBe('');
    expect(seen.at(-1)?.method).toBe('PUT');
  });

  it('an AbortSignal ends the request', async () => {
    const { origin, seen } = await startServer(() => {});
    const controller = new AbortController();
    const pending = signedBy(fetch, [origin])(origin, { signal: controller.signal });
    const outcome = expect(pending).rejects.toThrow('enough');
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error('enough'));
    await outcome;
  });

  it('an AbortSignal that has ended sends nothing', async () => {
    const { origin, connections } = await startListener();
    const attempt = signedBy(fetch, [origin])(origin, {
      signal: AbortSignal.abort(new Error('enough')),
    });
    await expect(attempt).rejects.toThrow('enough');
    expect(connections()).toBe(0);
  });

  it('an origin that is not among those allowed gets no connection', async () => {
    const allowed = await startListener();
    const other = await startListener();
    const call = signedBy(fetch, [allowed.origin]);
    for (const url of [
      other.origin,
      `${other.origin}/?${allowed.origin}/`,
      other.origin.replace('127.0.0.1', 'localhost'),
      allowed.origin.replace('127.0.0.1', 'localhost'),
      allowed.origin.replace('http:', 'https:'),
    ]) {
      await expect(call(url)).rejects.toThrow(/^origins: .* is not among them/);
    }
    await expect(call(allowed.origin.replace('//', '//me:you@'))).rejects.toThrow(
      /^url: user-info/,
    );
    expect([allowed.connections(), other.connections()]).toEqual([0, 0]);
  });
});
