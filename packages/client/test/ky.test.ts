import { createSigner, RefusedError } from '@countersign/client';
import { type SignedKyOptions, signedKy } from '@countersign/client/ky';
import { TEST_KEY } from '@countersign/testkit';
import type { HTTPError } from 'ky';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KY_VERSIONS } from './clients/ky.js';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { type Echo, startEcho, startListener, startServer } from './servers.js';

let signing: FaultProxy; // in front of a server that signs its responses
beforeAll(async () => {
  const ports: number[] = [];
  signing = await startFaultProxy(() => ports[0] as number, 'afterAll');
  ports.push(await startServe(signing.host, '--sign-responses'));
});
beforeEach(() => signing.clear());

const signer = createSigner(TEST_KEY);
const noncesOf = ({ requests }: FaultProxy) =>
  Buffer.concat(requests)
    .toString('latin1')
    .match(/(?<=^x-nonce: )\S+/gim) ?? [];
const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
const problem = (code: string, status: number) =>
  JSON.stringify({ type: `urn:countersign:refusal:${code}`, code, status, detail: 'Wait.' });

describe.each(KY_VERSIONS)('%s', (_, version) => {
  const over = (origin: string, options: Partial<SignedKyOptions> = {}) =>
    version.create(signedKy(signer, { origins: [origin], ...options }));
  const strict = { requireSignedResponse: true };
  const quick = { limit: 2, methods: ['get', 'put'], backoffLimit: 1 };

  it.each<[string, object, string, string | null]>([
    ['json', { json: { a: 1 } }, '{"a":1}', 'application/json'],
    ['text', { body: 'é' }, 'é', 'text/plain;charset=UTF-8'],
    ['bytes', { body: new Uint8Array([65]) }, 'A', null],
    ['a Blob', { body: new Blob(['x'], { type: 'text/csv' }) }, 'x', 'text/csv'],
    ['a stream', { body: new Blob(['ab']).stream() }, 'ab', null],
    [
      'URLSearchParams',
      { body: new URLSearchParams({ a: 'b c' }) },
      'a=b+c',
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['nothing', {}, '', null],
  ])('signs and sends %s', async (_, options, body, contentType) => {
    const { origin } = await startEcho();
    const given = { ...options, searchParams: { b: 2, a: 'é' } };
    const echo = await over(origin).post(`${origin}/v1`, given).json<Echo>();
    expect(echo).toMatchObject({ body: Buffer.from(body).toString('base64'), contentType });
    expect(echo.target).toBe('/v1?a=%C3%A9&b=2');
    expect(echo.signedHeaders).toContain('content-digest');
  });

  it('signs and sends a form with one boundary, whole on every attempt', async () => {
    signing.faults.push({ resetBefore: true }, { resetAfter: true });
    const body = new FormData();
    body.append('a', 'x'.repeat(1_000));
    const echo = await over(signing.origin)
      .put(signing.origin, { body, retry: quick })
      .json<{ bodyBytes: number; signedHeaders: string[] }>();
    expect(echo.bodyBytes).toBeGreaterThan(1_000);
    expect(echo.signedHeaders).toContain('content-type');
    expect([noncesOf(signing).length, new Set(noncesOf(signing)).size]).toEqual([3, 3]);
  });

  it('signs what hooks have made of a request', async () => {
    const { origin, seen } = await startEcho();
    const api = over(origin).extend({
      hooks: {
        beforeRequest: [
          (...given: unknown[]) => {
            const first = given[0] as Request | { request: Request };
            const request = first instanceof Request ? first : first.request;
            request.headers.set('content-type', 'text/csv');
          },
        ],
      },
    });
    expect((await api.put(origin, { body: 'x' }).json<Echo>()).contentType).toBe('text/csv');
    expect(seen.length).toBe(1);
  });

  it('tells a refusal from other errors, with that of ky as its cause', async () => {
    const { origin, seen } = await startEcho();
    const stranger = createSigner({ ...TEST_KEY, secret: new Uint8Array(32) });
    const api = version.create(signedKy(stranger, { origins: [origin] }));
    for (const answer of [() => api(origin), () => api(origin).json(), () => api.put(origin)]) {
      const error = await caught(answer());
      expect(error).toBeInstanceOf(RefusedError);
      const { cause, code, status, stringToSign } = error as RefusedError & { cause: HTTPError };
      expect([code, status, cause.name]).toEqual(['credential_rejected', 401, 'HTTPError']);
      expect(cause.response.status).toBe(401);
      expect(stringToSign.client).toMatch(/^HMAC-256\norders-service\n(?:GET|PUT)\n/);
    }
    expect(seen.length).toBe(3);
    const response = await api(origin, { throwHttpErrors: false });
    expect(await response.json()).toMatchObject({ code: 'credential_rejected' });
    const app = await startServer((response) =>
      response.writeHead(404, { 'Content-Type': 'application/problem+json' }).end('{}'),
    );
    expect(await caught(over(app.origin)(app.origin))).toMatchObject({ name: 'HTTPError' });
  });

  it('tries a refusal again where ky would, and when the server says', async () => {
    const at: number[] = [];
    const { origin } = await startServer((response) => {
      at.push(performance.now());
      if (at.length > 1) return response.end('done');
      const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '1' };
      const body = problem('nonce_store_unavailable', 503);
      return response.writeHead(503, { ...headers, 'Content-Length': body.length }).end(body);
    });
    expect(await over(origin)(origin, { retry: quick }).text()).toBe('done');
    const [first, second] = at as [number, number];
    expect(second - first).toBeGreaterThan(900);
  });

  it('gives up on a refusal that lasts', async () => {
    for (const [status, code, attempts] of [
      [503, 'nonce_store_full', 3],
      [413, 'body_too_large', 1],
      [403, 'permission_denied', 1],
    ] as const) {
      const { origin, seen } = await startServer((response) => {
        const body = problem(code, status);
        const headers = { 'Content-Type': 'application/problem+json' };
        response.writeHead(status, { ...headers, 'Content-Length': body.length }).end(body);
      });
      const error = await caught(over(origin)(origin, { retry: quick }));
      expect(error).toMatchObject({ name: 'RefusedError', code, status, advice: 'Wait.' });
      expect([seen.length, new Set(seen.map(({ nonce }) => nonce)).size]).toEqual([
        attempts,
        attempts,
      ]);
    }
  });

  it('refuses what cannot be signed, before anything is sent and once', async () => {
    const { origin, connections } = await startListener();
    const api = over(origin, { maxBodyBytes: 10 }).extend({ retry: quick });
    for (const [options, message] of [
      [{ body: '12345678901' }, /^body: more than 10 bytes/],
      [{ headers: { authorization: 'x' } }, /^headers: authorization is set/],
      [{ headers: { 'x-date': 'x' } }, /^headers: x-date is set/],
      [{ headers: { 'content-digest': 'x' } }, /^headers: content-digest is set/],
    ] as [object, RegExp][]) {
      const error = await caught(api.put(origin, options));
      expect(error).toMatchObject({ message: expect.stringMatching(message) });
    }
    await expect(api(`${origin}//a`)).rejects.toThrow(/^url: /);
    await expect(api('https://api.example.com/')).rejects.toThrow(
      'origins: https://api.example.com is not among them',
    );
    expect(connections()).toBe(0);
  });

  it('does not try again what was not to be believed', async () => {
    const { origin, seen } = await startEcho();
    const attempt = over(origin, strict).put(origin, { body: 'x', retry: quick });
    await expect(attempt).rejects.toMatchObject({ name: 'ResponseFaultError', status: 200 });
    expect(seen.length).toBe(1);
  });

  it('does try again what ended early, though it had to be signed', async () => {
    signing.faults.push({ resetAfter: true });
    const echo = await over(signing.origin, strict)
      .put(signing.origin, { body: 'x', retry: quick })
      .json();
    expect(echo).toMatchObject({ bodyBytes: 1 });
    expect(new Set(noncesOf(signing)).size).toBe(2);
  });

  it('loads a secret anew where it was changed', async () => {
    const secrets = [new Uint8Array(32), TEST_KEY.secret];
    const rotating = createSigner({ ...TEST_KEY, secret: () => secrets.shift() as string });
    const api = version.create(signedKy(rotating, { origins: [signing.origin] }));
    expect(await api.post(signing.origin, { json: 1 }).json()).toMatchObject({ bodyBytes: 1 });
    expect(new Set(noncesOf(signing)).size).toBe(2);
  });

  it('keeps the timeout and the signal of ky', async () => {
    const { origin } = await startServer(() => {});
    const late = over(origin)(origin, { timeout: 60, retry: 0 });
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 60);
    const aborted = over(origin)(origin, { signal: controller.signal, retry: 0 });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('keeps the redirect mode of a request', async () => {
    const { origin, seen } = await startServer((response) =>
      response.writeHead(307, { Location: '/' }).end(),
    );
    const once = over(origin, { maxRedirects: 1 })(origin, { retry: 0 });
    await expect(once).rejects.toThrow('redirect: more than 1');
    const manual = await over(origin)(origin, { redirect: 'manual', throwHttpErrors: false });
    expect([manual.status, seen.length]).toEqual([307, 3]);
  });
});

describe('options of signedKy', () => {
  const origins = ['https://api.example.com'];
  it.each<[string, unknown]>([
    ['origins', undefined],
    ['maxRedirects', -1],
    ['maxBodyBytes', -1],
    ['fetch', 'x'],
    ['requireSignedResponse', 1],
    ['correctClock', null],
  ])('%s: %o is refused by name', (option, value) => {
    const attempt = () => signedKy(signer, { origins, [option]: value } as never);
    expect(attempt).toThrow(new RegExp(`^${option}: `));
  });

  it('a signer that is none is refused by name', () => {
    expect(() => signedKy({} as never, { origins })).toThrow(/^signer: /);
    expect(() => signedKy(signer, undefined as never)).toThrow(/^origins: /);
  });
});
