import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { createSigner } from '@countersign/client';
import { type SignedAxiosOptions, signedAxios } from '@countersign/client/axios';
import { TEST_KEY } from '@countersign/testkit';
import axios, { type AxiosRequestConfig } from 'axios';
import { describe, expect, it } from 'vitest';
import { type Echo, startEcho, startListener, startRecorder, startServer } from './servers.js';

// The form of the package of that name, as axios itself has it.
const OldForm = createRequire(createRequire(import.meta.url).resolve('axios'))('form-data');

const signer = createSigner(TEST_KEY);
const text = (bytes: string) => Buffer.from(bytes, 'base64').toString();

describe.each(['http', 'fetch'] as const)('axios over its %s adapter', (inner) => {
  const over = (origins: readonly string[], options: Partial<SignedAxiosOptions> = {}) =>
    axios.create({ adapter: signedAxios(signer, { origins, ...options }, inner) });

  it.each<[string, (url: string) => AxiosRequestConfig]>([
    ['a plain URL', (url) => ({ url: `${url}/v1/orders` })],
    [
      'params',
      (url) => ({ url: `${url}/a?z=1`, params: { b: 'x y', a: ['1', '2'], c: { d: 1 } } }),
    ],
    ['params that are left out', (url) => ({ url: `${url}/a`, params: { a: null, b: undefined } })],
    ['URLSearchParams', (url) => ({ url, params: new URLSearchParams({ 'a b': 'é&=' }) })],
    ['a fragment', (url) => ({ url: `${url}/a#b`, params: { c: 1 } })],
    ['a fragment alone', (url) => ({ url: `${url}/a#b` })],
    ['what is no ASCII', (url) => ({ url: `${url}/é/a b?q=ü'` })],
    ['dots', (url) => ({ url: `${url}/a/../b/%2e/c` })],
    ['a base', (url) => ({ baseURL: `${url}/v1/`, url: '/orders', params: { a: 1 } })],
    ['a base that is not used', (url) => ({ baseURL: 'http://127.0.0.1:1/x', url: `${url}/y` })],
    [
      'a base that is always used',
      (url) => ({ baseURL: `${url}/v1`, url: 'orders', allowAbsoluteUrls: false }),
    ],
    [
      'a serializer',
      (url) => ({
        url: `${url}/a`,
        params: { a: [1, 2] },
        paramsSerializer: { indexes: null, encode: (value: string) => encodeURIComponent(value) },
      }),
    ],
  ])('signs and sends the URL that axios makes of %s', async (_, config) => {
    const [plain, echo, recorder] = [
      await startRecorder(),
      await startEcho(),
      await startRecorder(),
    ];
    await axios.request({ ...config(plain.origin), adapter: inner });
    await over([recorder.origin]).request(config(recorder.origin));
    const lineOf = ({ heads }: typeof plain) => heads[0]?.split('\r\n')[0];
    expect(lineOf(recorder)).toBe(lineOf(plain));
    expect((await over([echo.origin]).request(config(echo.origin))).status).toBe(200);
  });

  const bytes = new Uint8Array([0, 255, 10]);
  it.each<[string, () => unknown, string | Uint8Array, RegExp | null]>([
    ['an object', () => ({ a: 'é' }), '{"a":"é"}', /^application\/json$/],
    ['text', () => 'plain', 'plain', /^application\/x-www-form-urlencoded$/],
    ['a Buffer', () => Buffer.from(bytes), bytes, /./],
    ['a part of a Buffer', () => Buffer.from('abc').subarray(1), 'bc', /./],
    ['an ArrayBuffer', () => bytes.buffer, bytes, /./],
    ['a Uint8Array', () => bytes, bytes, /./],
    ['URLSearchParams', () => new URLSearchParams({ a: 'b c' }), 'a=b+c', /^application\/x-www-/],
    ['a stream of Node', () => Readable.from([Buffer.from('a'), Buffer.from('b')]), 'ab', /./],
    ['a stream of the Web', () => new Blob(['ab']).stream(), 'ab', /./],
    ['a Blob', () => new Blob(['x'], { type: 'text/csv' }), 'x', /^text\/csv$/],
    ['a Blob of no type', () => new Blob(['x']), 'x', /^application\/octet-stream$/],
    ['nothing', () => undefined, '', /./],
    ['empty text', () => '', '', /./],
  ])('signs and sends %s', async (_, data, expected, type) => {
    const { origin } = await startEcho();
    const { data: echo } = await over([origin]).post<Echo>(origin, data());
    expect(Buffer.from(echo.body, 'base64')).toEqual(Buffer.from(expected));
    expect(echo.contentType).toMatch(type as RegExp);
    expect(echo.signedHeaders).toEqual(expect.arrayContaining(['content-digest', 'content-type']));
  });

  it.each<[string, () => { append(name: string, value: unknown): void }]>([
    ['of the platform', () => new FormData()],
    ['of the form-data package', () => new OldForm()],
  ])('signs and sends a form %s with one boundary', async (_, make) => {
    const { origin } = await startEcho();
    for (const method of ['post', 'postForm'] as const) {
      const form = make();
      form.append('a', '1');
      form.append('b', 'é');
      const { data: echo } = await over([origin])[method]<Echo>(origin, form);
      const headers = { 'Content-Type': echo.contentType as string };
      const sent = await new Response(Buffer.from(echo.body, 'base64'), { headers }).formData();
      expect([sent.get('a'), sent.get('b')]).toEqual(['1', 'é']);
      expect(echo.signedHeaders).toContain('content-type');
    }
  });

  it('signs and sends a form of the form-data package with a file in it', async () => {
    const { origin } = await startEcho();
    const form = new OldForm();
    form.append('file', Readable.from([Buffer.alloc(100_000, 'a'), Buffer.alloc(100_000, 'b')]), {
      filename: 'a.txt',
    });
    const { data: echo } = await over([origin]).post<Echo>(origin, form);
    expect(text(echo.body)).toContain(`${'a'.repeat(100_000)}${'b'.repeat(100_000)}\r\n`);
  });

  it('sends a body whose digest is given, and opens it anew for a redirect', async () => {
    const { origin, seen } = await startServer((response, { target, body }) =>
      target === '/'
        ? response.writeHead(307, { Location: '/next' }).end()
        : response.end(Buffer.from(body)),
    );
    const digest = 'sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:';
    let opened = 0;
    const open = async function* () {
      opened++;
      yield* [Buffer.from('a'), Buffer.from('bc')];
    };
    const transformRequest = (data: unknown) => data;
    const config = { transformRequest, responseType: 'text' } as const;
    for (const length of [undefined, 3]) {
      const { data } = await over([origin]).put(origin, { digest, length, open }, config);
      expect(data).toBe('abc');
    }
    expect([opened, seen.length]).toEqual([4, 4]);
  });

  it('refuses a body that is too long to be held, or was read before', async () => {
    const { origin, connections } = await startListener();
    const form = new OldForm();
    form.append('a', 'x'.repeat(20));
    const api = over([origin], { maxBodyBytes: 10 });
    for (const body of [Readable.from(['123456', '78901']), new Blob(['12345678901']), form]) {
      await expect(api.post(origin, body)).rejects.toThrow(/^body: more than 10 bytes/);
    }
    const spent = Readable.from(['x']);
    await spent.toArray();
    await expect(api.post(origin, spent)).rejects.toThrow(/^body: the stream was read before/);
    await expect(api.post(origin, form)).rejects.toThrow(/^body: the stream was read before/);
    const broken = new OldForm();
    broken.append('a', new Readable({ read: () => broken.emit('error', new Error('disk')) }));
    await expect(over([origin]).post(origin, broken)).rejects.toThrow('disk');
    expect(connections()).toBe(0);
  });

  it('refuses what would stand in the way of the signature', async () => {
    const { origin, connections } = await startListener();
    const api = over([origin]);
    const auth = { username: 'a', password: 'b' };
    await expect(api.get(origin, { auth })).rejects.toThrow(/^auth: /);
    const beforeRedirect = () => {};
    await expect(api.get(origin, { beforeRedirect })).rejects.toThrow(/^beforeRedirect: /);
    for (const name of ['Authorization', 'date', 'X-Date', 'x-nonce', 'Content-Digest']) {
      const attempt = api.get(origin, { headers: { [name]: 'x' } });
      await expect(attempt).rejects.toThrow(new RegExp(`^headers: ${name} is set by`, 'i'));
    }
    await expect(api.get(origin, { headers: { Host: 'x' } })).rejects.toThrow(/^headers: host/);
    const types = { 'Content-Type': ['a/b', 'c/d'] } as never;
    await expect(api.post(origin, 'x', { headers: types })).rejects.toThrow(/more than once/);
    await expect(api.get(origin.replace('//', '//me:you@'))).rejects.toThrow(/^url: user-info/);
    for (const url of ['/v1', '', 'api.example.com']) {
      await expect(api.get(url)).rejects.toThrow(/^url: expected an absolute/);
    }
    await expect(api.get(`${origin}//a`)).rejects.toThrow(/^url: /);
    await expect(api.get('https://api.example.com/')).rejects.toThrow(
      'origins: https://api.example.com is not among them',
    );
    expect(connections()).toBe(0);
  });

  it('keeps a signal, a timeout and the limits of axios', async () => {
    const { origin, seen } = await startServer(() => {});
    const controller = new AbortController();
    const pending = over([origin]).get(origin, { signal: controller.signal });
    const outcome = expect(pending).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await outcome;
    const late = over([origin]).get(origin, { timeout: 50 });
    await expect(late).rejects.toThrow('timeout of 50ms exceeded');
    const long = over([origin]).post(origin, 'x'.repeat(100), { maxBodyLength: 10 });
    await expect(long).rejects.toThrow('maxBodyLength');
  });
});

describe('options of signedAxios', () => {
  const origins = ['https://api.example.com'];
  it.each<[string, unknown]>([
    ['origins', undefined],
    ['origins', ['https://api.example.com/v1']],
    ['maxRedirects', -1],
    ['maxRedirects', '1'],
    ['maxBodyBytes', 1.5],
    ['requireSignedResponse', 'yes'],
    ['maxResponseBytes', -1],
    ['correctClock', 1],
    ['onClockCorrected', 'x'],
  ])('%s: %o is refused by name', (option, value) => {
    const attempt = () => signedAxios(signer, { origins, [option]: value } as never);
    expect(attempt).toThrow(new RegExp(`^${option}(\\[\\d\\])?: `));
  });

  it('a signer or an adapter that is none is refused by name', () => {
    expect(() => signedAxios({} as never, { origins })).toThrow(/^signer: /);
    expect(() => signedAxios(signer, undefined as never)).toThrow(/^origins: /);
    for (const inner of ['xhr', 7, Object.assign(() => {}, { adapterName: 'xhr' })]) {
      expect(() => signedAxios(signer, { origins }, inner as never)).toThrow(/^inner: /);
    }
  });

  it('the adapter of Node is the one unless another is given', async () => {
    const { origin, seen } = await startEcho();
    const adapter = signedAxios(signer, { origins: [origin] });
    await axios.create({ adapter }).get(origin);
    const own = axios.getAdapter('http');
    await axios.create({ adapter: signedAxios(signer, { origins: [origin] }, own) }).get(origin);
    expect(seen.map(({ headers }) => headers['user-agent'])).toEqual(
      Array(2).fill(expect.stringMatching(/^axios/)),
    );
  });
});
