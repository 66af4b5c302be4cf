import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { createSigner, RefusedError } from '@countersign/client';
import { type SignedGotOptions, signedGot } from '@countersign/client/got';
import { TEST_KEY } from '@countersign/testkit';
import got, { type HTTPError, type OptionsOfTextResponseBody } from 'got';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GOT_VERSIONS } from './clients/got.js';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { type Echo, startEcho, startListener, startServer } from './servers.js';

// The form of the package of that name, as axios has it.
const OldForm = createRequire(createRequire(import.meta.url).resolve('axios'))('form-data');

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

describe.each(GOT_VERSIONS)('%s', (_, version) => {
  const over = (origin: string, options: Partial<SignedGotOptions> = {}) =>
    version.extend(signedGot(signer, { origins: [origin], ...options }));

  it.each<[string, () => OptionsOfTextResponseBody, string, string | null]>([
    ['text', () => ({ body: 'é' }), 'é', null],
    ['empty text', () => ({ body: '' }), '', null],
    ['a Buffer', () => ({ body: Buffer.from('abc').subarray(1) }), 'bc', null],
    ['a typed array', () => ({ body: new Uint8Array([65]) }), 'A', null],
    ['json', () => ({ json: { a: 1 } }), '{"a":1}', 'application/json'],
    ['a form', () => ({ form: { a: 'b c' } }), 'a=b+c', 'application/x-www-form-urlencoded'],
    ['a stream', () => ({ body: Readable.from(['a', 'b']) }), 'ab', null],
    [
      'a generator',
      () => ({
        body: (async function* () {
          yield* ['a', 'b'];
        })(),
      }),
      'ab',
      null,
    ],
    ['nothing', () => ({}), '', null],
  ])('signs and sends %s', async (_, options, body, contentType) => {
    const { origin } = await startEcho();
    const echo = await over(origin).post(`${origin}/v1?b=2&a=1`, options()).json<Echo>();
    expect(echo).toMatchObject({ body: Buffer.from(body).toString('base64'), contentType });
    expect(echo.target).toBe('/v1?a=1&b=2');
    expect(echo.signedHeaders).toContain('content-digest');
  });

  // got 16 knows the form-data package no longer.
  const forms: [string, () => { append(name: string, value: string): void }][] = [
    ['of the platform', () => new FormData()],
    ['of the form-data package', () => new OldForm()],
  ];
  it.each(forms.slice(0, version === got ? 2 : 1))(
    'signs and sends a form %s with one boundary, on every attempt',
    async (_, make) => {
      signing.faults.push({ resetBefore: true }, { resetAfter: true });
      const body = make();
      body.append('a', 'x'.repeat(1_000));
      const retry = { limit: 2, methods: ['PUT' as const], backoffLimit: 1 };
      const options = { body, retry } as unknown as OptionsOfTextResponseBody;
      const echo = await over(signing.origin).put(signing.origin, options).json<{
        bodyBytes: number;
        signedHeaders: string[];
      }>();
      expect(echo.bodyBytes).toBeGreaterThan(1_000);
      expect(echo.signedHeaders).toContain('content-type');
      expect([noncesOf(signing).length, new Set(noncesOf(signing)).size]).toEqual([3, 3]);
      const boundary = /boundary=(\S+)/g;
      const sent = Buffer.concat(signing.requests).toString('latin1').matchAll(boundary);
      expect(new Set([...sent].map(([, text]) => text)).size).toBe(1);
    },
  );

  it('signs what hooks and handlers have made of a request, whenever they were added', async () => {
    const { origin } = await startEcho();
    const api = over(origin).extend({
      handlers: [
        (options, next) => {
          options.headers['content-type'] = 'text/plain';
          return next(options);
        },
      ],
      hooks: {
        beforeRequest: [
          (options) => {
            options.url = new URL('/hooked', options.url as URL);
            options.body = 'hooked';
            options.headers['content-length'] = '6';
          },
        ],
      },
    });
    const echo = await api.post(origin, { body: 'given' }).json<Echo>();
    expect(echo).toMatchObject({ target: '/hooked', contentType: 'text/plain' });
    expect(echo.body).toBe(btoa('hooked'));
  });

  it('refuses what cannot be signed, before anything is sent', async () => {
    const { origin, connections } = await startListener();
    const api = over(origin, { maxBodyBytes: 10 });
    for (const [options, message] of [
      [{ body: Readable.from(['123456', '78901']) }, /^body: more than 10 bytes/],
      [{ body: '12345678901' }, /^body: more than 10 bytes/],
      [{ body: 'x', headers: { 'content-length': '2' } }, /^body: it has 1 bytes/],
      [{ headers: { authorization: 'x' } }, /^headers: authorization is set/],
      [{ headers: { 'x-nonce': 'x' } }, /^headers: x-nonce is set/],
      [{ headers: { date: 'x' } }, /^headers: date is set/],
      [{ headers: { host: 'x' } }, /^headers: host differs/],
      [{ username: 'me', password: 'x' }, /^(?:headers: authorization|url: user-info)/],
      [{ cache: new Map() }, /^cache: /],
      [{ http2: true }, /^http2: /],
      [{ request: () => undefined }, /^request: /],
    ] as [OptionsOfTextResponseBody, RegExp][]) {
      const error = await caught(api.post(origin, options));
      expect(error, String(message)).toMatchObject({ message: expect.stringMatching(message) });
      expect(error).toSatisfy((e) => e instanceof TypeError || e instanceof RangeError);
    }
    await expect(api(`${origin}//a`)).rejects.toThrow(/^url: /);
    const other = caught(api('https://api.example.com/'));
    expect(await other).toBeInstanceOf(TypeError);
    expect(String(await other)).toContain('origins: https://api.example.com is not among them');
    expect(connections()).toBe(0);
  });

  it('tells a refusal from other errors, with that of got as its cause', async () => {
    const { origin } = await startEcho();
    const stranger = createSigner({ ...TEST_KEY, secret: new Uint8Array(32) });
    const api = version.extend(signedGot(stranger, { origins: [origin] }));
    for (const promise of [
      api(origin),
      api(origin).json(),
      api(origin, { responseType: 'json' }),
      api(origin, { responseType: 'buffer' }),
      text(api.stream(origin)),
    ]) {
      const error = await caught(promise as Promise<unknown>);
      expect(error).toBeInstanceOf(RefusedError);
      const { cause, code, stringToSign } = error as RefusedError & { cause: HTTPError };
      expect([code, cause.name]).toEqual(['credential_rejected', 'HTTPError']);
      expect(cause.response.statusCode).toBe(401);
      expect(stringToSign.client).toMatch(/^HMAC-256\norders-service\nGET\n/);
    }
    const { statusCode, body } = await api(origin, { throwHttpErrors: false });
    expect([statusCode, JSON.parse(body).code]).toEqual([401, 'credential_rejected']);
    const app = await startServer((response) =>
      response.writeHead(404, { 'Content-Type': 'application/problem+json' }).end('{}'),
    );
    const error = await caught(over(app.origin)(app.origin));
    expect(error).toMatchObject({ name: 'HTTPError', code: 'ERR_NON_2XX_3XX_RESPONSE' });
  });

  it('keeps the timeouts and the signal of got', async () => {
    const { origin, seen } = await startServer(() => {});
    const retry = { limit: 0 };
    for (const timeout of [{ request: 60 }, { response: 60 }, { socket: 60 }]) {
      const late = over(origin)(origin, { timeout, retry });
      await expect(late).rejects.toMatchObject({ name: 'TimeoutError', code: 'ETIMEDOUT' });
    }
    expect(seen.length).toBe(3);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 60);
    const aborted = over(origin)(origin, { signal: controller.signal, retry });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('measures, counts and decompresses as got does', async () => {
    const { origin } = await startServer((response) =>
      response.setHeader('Content-Encoding', 'gzip').end(gzipSync('x'.repeat(10_000))),
    );
    const response = await over(origin).post(origin, { body: 'abc' });
    expect(response.body).toBe('x'.repeat(10_000));
    expect(response.timings.phases.total).toBeGreaterThanOrEqual(0);
    expect([response.ip, response.retryCount, response.isFromCache]).toEqual([
      '127.0.0.1',
      0,
      false,
    ]);
    const again = await over(origin).post(origin, { body: 'abc' });
    expect(again.request.reusedSocket).toBeTypeOf('boolean');
  });
});

describe('options of signedGot', () => {
  const origins = ['https://api.example.com'];
  it.each<[string, unknown]>([
    ['origins', []],
    ['maxBodyBytes', -1],
    ['requireSignedResponse', 1],
    ['maxResponseBytes', 'x'],
    ['correctClock', null],
    ['onClockCorrected', {}],
  ])('%s: %o is refused by name', (option, value) => {
    const attempt = () => signedGot(signer, { origins, [option]: value } as never);
    expect(attempt).toThrow(new RegExp(`^${option}: `));
  });

  it('a signer that is none is refused by name', () => {
    expect(() => signedGot({} as never, { origins })).toThrow(/^signer: /);
  });
});
