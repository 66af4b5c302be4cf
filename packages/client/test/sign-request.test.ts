import { createSigner, signRequest } from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Echo, startEcho, startListener, startServer } from './servers.js';

const signer = createSigner(TEST_KEY);
afterEach(() => vi.unstubAllGlobals());

describe('signRequest', () => {
  it.each<[string, RequestInit, string, string | null]>([
    ['GET', {}, '', null],
    ['HEAD', { method: 'HEAD' }, '', null],
    ['POST without a body', { method: 'POST' }, '', null],
    ['text', { method: 'POST', body: 'é' }, 'é', 'text/plain;charset=UTF-8'],
    ['empty text', { method: 'PUT', body: '' }, '', 'text/plain;charset=UTF-8'],
    ['bytes', { method: 'PATCH', body: new Uint8Array([65]) }, 'A', null],
    ['a body of DELETE', { method: 'DELETE', body: 'x' }, 'x', 'text/plain;charset=UTF-8'],
    ['a Blob', { method: 'PUT', body: new Blob(['x'], { type: 'text/csv' }) }, 'x', 'text/csv'],
    [
      'a form of the URL',
      { method: 'POST', body: new URLSearchParams({ a: '1 2' }) },
      'a=1+2',
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    [
      'a stream',
      { method: 'POST', body: new Blob(['ab']).stream(), duplex: 'half' } as RequestInit,
      'ab',
      null,
    ],
  ])('%s is accepted', async (_, init, body, contentType) => {
    const { origin, seen } = await startEcho();
    const url = `${origin}/v1/orders?b=2&a=%7E#fragment`;
    const signed = await signRequest(signer, new Request(url, init));
    const response = await fetch(signed);
    expect(response.status).toBe(200);
    expect(seen[0]?.caller).toBeDefined();
    if (init.method === 'HEAD') return;
    const echo = (await response.json()) as Echo;
    expect(echo).toMatchObject({ body: Buffer.from(body).toString('base64'), contentType });
    expect(echo.target).toBe('/v1/orders?a=~&b=2');
  });

  it('a form has one boundary, signed and sent', async () => {
    const { origin } = await startEcho();
    const body = new FormData();
    body.append('a', '1');
    const request = await signRequest(signer, new Request(origin, { method: 'POST', body }));
    const echo = (await (await fetch(request)).json()) as Echo;
    const headers = { 'Content-Type': echo.contentType as string };
    const sent = await new Response(Buffer.from(echo.body, 'base64'), { headers }).formData();
    expect(sent.get('a')).toBe('1');
    expect(echo.signedHeaders).toContain('content-type');
  });

  it('keeps the other fields and members, and signs anew at every call', async () => {
    const { signal } = new AbortController();
    const request = new Request('https://api.example.com/', {
      headers: { 'X-A': '1' },
      signal,
      cache: 'no-store',
    });
    const first = await signRequest(signer, request);
    const second = await signRequest(signer, request);
    expect([first.headers.get('x-a'), first.cache]).toEqual(['1', 'no-store']);
    expect(first.headers.get('x-nonce')).not.toBe(second.headers.get('x-nonce'));
    expect(request.headers.has('authorization')).toBe(false);
  });

  it('follows no redirect with a signature for another URL', async () => {
    const { origin, connections } = await startListener();
    const server = await startServer((response) =>
      response.writeHead(307, { Location: origin }).end(),
    );
    const response = await fetch(await signRequest(signer, new Request(server.origin)));
    expect([response.status, connections()]).toEqual([307, 0]);
    const strict = new Request(server.origin, { redirect: 'error' });
    await expect(fetch(await signRequest(signer, strict))).rejects.toThrow(TypeError);
  });

  it('loads a secret that is given by a function, and takes X-Date', async () => {
    const { origin, seen } = await startEcho();
    const late = createSigner({
      ...TEST_KEY,
      secret: async () => TEST_KEY.secret,
      dateHeader: 'x-date',
    });
    expect((await fetch(await signRequest(late, new Request(origin)))).status).toBe(200);
    expect(seen[0]?.headers['x-date']).toBeDefined();
    expect(seen[0]?.headers.date).toBeUndefined();
  });

  it.each<[string, () => Request | string]>([
    ['request', () => 'https://api.example.com/'],
    ['url', () => new Request('https://api.example.com//a')],
    ['url', () => new Request('data:text/plain,x')],
    ...['authorization', 'date', 'x-date', 'x-nonce', 'content-digest', 'host'].map(
      (name): [string, () => Request] => [
        'headers',
        () => new Request('https://api.example.com/', { headers: { [name]: 'x' } }),
      ],
    ),
  ])('%s is refused by name', async (part, request) => {
    const attempt = signRequest(signer, request() as Request);
    await expect(attempt).rejects.toThrow(TypeError);
    await expect(attempt).rejects.toThrow(new RegExp(`^${part}: `));
  });

  it('a body that was read before is refused, and not signed as none', async () => {
    const request = new Request('https://api.example.com/', { method: 'POST', body: 'x' });
    await signRequest(signer, request);
    await expect(signRequest(signer, request)).rejects.toThrow(/^body: it was read before/);
  });

  it('a signer that is none is refused', async () => {
    const request = new Request('https://api.example.com/');
    await expect(signRequest({} as never, request)).rejects.toThrow(/^signer: /);
  });

  it('a platform that leaves Date out is told, and not given half a signature', async () => {
    class BrowserRequest extends Request {
      constructor(...args: ConstructorParameters<typeof Request>) {
        super(...args);
        this.headers.delete('date');
      }
    }
    vi.stubGlobal('Request', BrowserRequest);
    const request = new Request('https://api.example.com/');
    await expect(signRequest(signer, request)).rejects.toThrow('headers: Date cannot be set');
    const browsers = createSigner({ ...TEST_KEY, dateHeader: 'x-date' });
    expect((await signRequest(browsers, request)).headers.has('x-date')).toBe(true);
  });

  it('a platform without the stream of a Request gives its bytes', async () => {
    const { origin } = await startEcho();
    const request = new Request(origin, { method: 'POST', body: 'x' });
    Object.defineProperty(request, 'body', { value: undefined });
    const echo = (await (await fetch(await signRequest(signer, request))).json()) as Echo;
    expect(echo.body).toBe(btoa('x'));
  });
});
