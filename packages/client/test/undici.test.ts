import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSigner, type DigestedBody, type SignerOptions } from '@countersign/client';
import type { SignedDispatcherOptions } from '@countersign/client/undici';
import { TEST_KEY } from '@countersign/testkit';
import type * as Undici from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { type Echo, startEcho, startListener, startServer, type TestServer } from './servers.js';

// undici 8 does not load in a Node older than 22.19.
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
const loadsNewest = major > 22 || (major === 22 && minor >= 19);
const VERSIONS = loadsNewest ? ['undici', 'undici-newest'] : ['undici'];
const JSON_TYPE = { 'Content-Type': 'application/json' };
const WHOLE = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 251));
// sha-256 of WHOLE, as the worked example has its own.
const digestOf = async (bytes: Uint8Array<ArrayBuffer>) =>
  `sha-256=:${Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('base64')}:`;

describe.each(VERSIONS)('signedDispatcher of %s', (name) => {
  let undici: typeof Undici;
  let signedDispatcher: typeof import('@countersign/client/undici').signedDispatcher;
  let agent: Undici.Agent;
  let proxy: FaultProxy;
  beforeAll(async () => {
    vi.resetModules();
    vi.doMock('undici', () => import(name)); // which of the two is installed under its own name
    undici = (await import('undici')) as typeof Undici;
    ({ signedDispatcher } = await import('@countersign/client/undici'));
    agent = new undici.Agent();
    let port = 0;
    proxy = await startFaultProxy(() => port, 'afterAll');
    port = await startServe(proxy.host, '--sign-responses');
  });
  beforeEach(() => proxy.clear());
  afterAll(() => agent.destroy());

  type Options = Partial<SignedDispatcherOptions>;
  const make = (origin: string, options: Options = {}, signer: Partial<SignerOptions> = {}) =>
    signedDispatcher(agent, createSigner({ ...TEST_KEY, ...signer }), {
      origins: [origin],
      ...options,
    });
  type Init = Omit<NonNullable<Parameters<typeof Undici.request>[1]>, 'body' | 'headers'> & {
    body?: unknown;
    headers?: unknown;
  };
  /** A request to the path that makes of a body of any kind what the server saw. */
  const ask = async (url: string, init: Init) => {
    const answer = await undici.request(url, init as Parameters<typeof Undici.request>[1]);
    return { ...answer, text: await answer.body.text() };
  };
  const echoed = async (url: string, init: Init) => {
    const { statusCode, text: body } = await ask(url, init);
    expect([statusCode, body]).toEqual([200, expect.stringMatching(/^\{/)]);
    return JSON.parse(body) as Echo;
  };
  const bytesOf = ({ body }: Echo) => Buffer.from(body, 'base64');
  const noncesOf = (server: TestServer) => server.seen.map(({ nonce }) => nonce);
  const sent = () =>
    Buffer.concat(proxy.requests)
      .toString('latin1')
      .match(/(?<=^x-nonce: )\S+/gim) ?? [];

  describe('serves', () => {
    let server: TestServer;
    let dispatcher: Undici.Dispatcher;
    beforeEach(async () => {
      server = await startEcho();
      dispatcher = make(server.origin);
    });
    const url = () => `${server.origin}/v1/orders?b=2&a=%7E1`;
    const post = { method: 'POST' as const, headers: JSON_TYPE, body: '{"qty":2}' };
    const check = (answer: string) => {
      const echo = JSON.parse(answer) as Echo;
      expect(echo).toMatchObject({ method: 'POST', contentType: 'application/json' });
      expect(echo.signedHeaders).toContain('content-type');
      expect(bytesOf(echo).toString()).toBe(post.body);
      expect(server.seen[0]?.target).toBe('/v1/orders?b=2&a=%7E1');
    };

    it('undici.request and dispatcher.request', async () => {
      check(await (await undici.request(url(), { ...post, dispatcher })).body.text());
      const { origin, pathname, search } = new URL(url());
      const again = await dispatcher.request({ ...post, origin, path: pathname + search });
      check(await again.body.text());
    });

    it('undici.stream', async () => {
      const { PassThrough } = await import('node:stream');
      const into = new PassThrough();
      await undici.stream(url(), { ...post, dispatcher }, () => into);
      check(await text(into));
    });

    it('undici.pipeline', async () => {
      const duplex = undici.pipeline(
        url(),
        { method: 'POST', headers: JSON_TYPE, dispatcher },
        ({ body }) => body,
      );
      duplex.end(post.body);
      check(await text(duplex));
    });

    it('the fetch of undici and that of the platform', async () => {
      check(await (await undici.fetch(url(), { ...post, dispatcher })).text());
      const init = { ...post, dispatcher } as RequestInit;
      check(await (await fetch(url(), init)).text());
      expect((await fetch(url(), { ...init, body: null })).status).toBe(200);
    });

    it('streams of fetch, and its redirects, each signed anew', async () => {
      const redirector = await startServer((response, { target, body }) => {
        if (target === '/') response.writeHead(307, { Location: '/end' }).end();
        else response.end(Buffer.from(body));
      });
      const init = { method: 'POST', dispatcher: make(redirector.origin) } as RequestInit;
      const answer = await fetch(redirector.origin, { ...init, body: 'whole' });
      expect(await answer.text()).toBe('whole');
      expect(new Set(noncesOf(redirector)).size).toBe(2);
      const body = new Blob([WHOLE]).stream();
      const streamed = { ...init, dispatcher, body, duplex: 'half' } as RequestInit;
      expect(bytesOf((await (await fetch(url(), streamed)).json()) as Echo)).toEqual(WHOLE);
    });

    it('each line of a repeated response field to the platform, too', async () => {
      const cookies = await startServer((response) =>
        response
          .setHeader('Set-Cookie', ['a=1', 'b=2; Expires=Wed, 01 Jan 2020 12:00:30 GMT'])
          .end(),
      );
      const init = { dispatcher: make(cookies.origin) } as RequestInit;
      expect((await fetch(cookies.origin, init)).headers.getSetCookie()).toHaveLength(2);
    });

    it('large responses to slow readers', async () => {
      const large = await startServer((response) => response.end(Buffer.alloc(2 ** 23, 7)));
      const one = await undici.request(large.origin, { dispatcher: make(large.origin) });
      const two = await fetch(large.origin, { dispatcher: make(large.origin) } as RequestInit);
      for (const body of [one.body, two.body as unknown as AsyncIterable<Uint8Array>]) {
        let size = 0;
        for await (const chunk of body) {
          if (size === 0) await sleep(50);
          size += chunk.length;
        }
        expect(size).toBe(2 ** 23);
      }
    });

    it('a query, in the path that is signed', async () => {
      const query = { b: ['1', '2'], a: 'x y' };
      await echoed(server.origin, { dispatcher, query });
      expect(server.seen[0]?.target).toBe('/?b=1&b=2&a=x%20y');
      await expect(ask(url(), { dispatcher, query })).rejects.toThrow(/^query: /);
    });

    it.each<[string, unknown]>([
      ['an object', { 'X-A': '1', 'x-b': ['2', '3'], 'X-N': 4, 'X-U': undefined }],
      ['a flat list', ['X-A', '1', 'x-b', '2', 'x-b', '3', 'X-N', '4']],
      [
        'pairs',
        [
          ['X-A', '1'],
          ['x-b', ['2', '3']],
          ['X-N', '4'],
        ],
      ],
      [
        'a Map',
        new Map<string, unknown>([
          ['X-A', '1'],
          ['x-b', ['2', '3']],
          ['X-N', '4'],
        ]),
      ],
      [
        'Headers',
        new Headers([
          ['X-A', '1'],
          ['x-b', '2'],
          ['x-b', '3'],
          ['X-N', '4'],
        ]),
      ],
    ])('header fields given as %s', async (_, headers) => {
      await echoed(url(), { dispatcher, headers });
      expect(server.seen[0]?.headers).toMatchObject({ 'x-a': '1', 'x-b': '2, 3', 'x-n': '4' });
    });

    it('upgrades', async () => {
      const { createServer } = await import('node:http');
      const upgrading = createServer();
      upgrading.on('upgrade', ({ headers }, socket) => {
        socket.end(
          `HTTP/1.1 101 Ok\r\nConnection: upgrade\r\nUpgrade: x\r\nX-A: ${headers.authorization}\r\n\r\n`,
        );
      });
      await once(upgrading.listen(0, '127.0.0.1'), 'listening');
      const origin = `http://127.0.0.1:${(upgrading.address() as { port: number }).port}`;
      const upgrade = { dispatcher: make(origin), protocol: 'x' };
      const { headers, socket } = await undici.upgrade(origin, upgrade);
      expect(headers['x-a']).toMatch(/^HMAC-256 Credential=orders-service,/);
      socket.destroy();
      const strict = make(origin, { requireSignedResponse: true });
      await expect(undici.upgrade(origin, { ...upgrade, dispatcher: strict })).rejects.toThrow(
        /^upgrade: /,
      );
      upgrading.close();
    });
  });

  describe('bodies', () => {
    const form = (Class: typeof FormData) => {
      const data = new Class();
      data.append('a', 'ä');
      data.append('file', new Blob([WHOLE]), 'f.bin');
      return data;
    };
    async function* pieces() {
      for (let at = 0; at < WHOLE.length; at += 999) yield WHOLE.subarray(at, at + 999);
    }
    function* syncPieces() {
      yield WHOLE.subarray(0, 7);
      yield WHOLE.subarray(7);
    }
    const digested = async (): Promise<DigestedBody> => {
      return { digest: await digestOf(Uint8Array.from(WHOLE)), type: 'a/b', open: pieces };
    };
    it.each<[string, () => unknown, (string | null)?]>([
      ['a Buffer', () => WHOLE],
      ['a string', () => WHOLE.toString('base64')],
      ['an ArrayBuffer', () => Uint8Array.from(WHOLE).buffer],
      ['a view', () => new Uint16Array(Uint8Array.from(WHOLE).buffer)],
      ['a Readable', () => Readable.from(pieces())],
      ['an async generator', pieces],
      ['a generator', syncPieces],
      ['a list', () => [...syncPieces()]],
      ['a ReadableStream', () => new Blob([WHOLE]).stream()],
      ['a Blob', () => new Blob([WHOLE], { type: 'a/b' }), 'a/b'],
      [
        'URLSearchParams',
        () => new URLSearchParams({ a: 'ä' }),
        'application/x-www-form-urlencoded;charset=UTF-8',
      ],
      [
        'a form of the platform',
        () => form(FormData),
        expect.stringMatching(/^multipart\/form-data; /),
      ],
      [
        'a form of undici',
        () => form(undici.FormData as typeof FormData),
        expect.stringMatching(/^multipart\/form-data; /),
      ],
      ['a digested body', digested, 'a/b'],
      ['one of known length', async () => ({ ...(await digested()), length: WHOLE.length }), 'a/b'],
      ['nothing', () => ''],
    ])('%s', async (kind, body, contentType = null) => {
      const server = await startEcho();
      const given = await body();
      const dispatcher = make(server.origin);
      const echo = await echoed(server.origin, { dispatcher, method: 'PUT', body: given });
      expect(echo.contentType).toEqual(contentType);
      const got = bytesOf(echo);
      if (typeof given === 'string') expect(got.toString()).toBe(given);
      else if (given instanceof URLSearchParams) expect(got.toString()).toBe('a=%C3%A4');
      else if (kind.includes('form')) expect(got.includes(WHOLE) && got.includes('ä')).toBe(true);
      else expect(got).toEqual(WHOLE);
      const isChunked = server.seen[0]?.headers['transfer-encoding'] === 'chunked';
      expect(isChunked).toBe(kind === 'a digested body');
    });

    it('that are too long, or none at all, fail before anything is sent', async () => {
      const { origin, connections } = await startListener();
      const dispatcher = make(origin, { maxBodyBytes: 1_000 });
      const broken = Readable.from(pieces());
      for (const [body, reason] of [
        [broken, /^body: more than 1000 bytes/],
        [new Blob([WHOLE]), /^body: more than 1000 bytes/],
        [form(undici.FormData as typeof FormData), /^body: more than 1000 bytes/],
        [{ a: 1 }, /^body: expected/],
        [Readable.from([{}]), /^body: expected a stream of bytes/],
      ] as const) {
        await expect(ask(origin, { dispatcher, method: 'PUT', body })).rejects.toThrow(reason);
      }
      expect([broken.destroyed, connections()]).toEqual([true, 0]);
    });

    it('that fail while they are sent are not tried again', async () => {
      let opened = 0;
      const failing = (fault: () => AsyncIterable<Uint8Array>, length?: number) => ({
        digest: 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
        length,
        open() {
          opened++;
          return fault();
        },
      });
      const faults: [DigestedBody, RegExp][] = [
        [
          failing(() => {
            throw new Error('gone');
          }),
          /^gone$/,
        ],
        [
          failing(async function* () {
            yield WHOLE;
            throw new Error('half');
          }),
          /^half$/,
        ],
        [failing(pieces, 49_999), /^body: expected 49999 bytes \(length\)/],
        [failing(pieces, 50_001), /^body: expected 50001 bytes \(length\)/],
      ];
      const dispatcher = make(proxy.origin, { retry: { minTimeout: 1 } });
      for (const [body, reason] of faults) {
        const attempt = ask(proxy.origin, { dispatcher, method: 'PUT', body });
        await expect(attempt).rejects.toThrow(reason);
      }
      expect(opened).toBe(4);
    });
  });

  describe('refuses', () => {
    it('what would leave the origins, before anything is sent', async () => {
      const { origin, connections } = await startListener();
      const dispatcher = make('https://api.example.com', { retry: {} });
      for (const method of ['GET', 'POST'] as const) {
        await expect(ask(origin, { dispatcher, method })).rejects.toThrow(
          `origins: ${origin} is not among them`,
        );
      }
      await expect(undici.fetch(origin, { dispatcher })).rejects.toThrow(
        expect.objectContaining({
          cause: expect.objectContaining({ message: expect.stringContaining(origin) }),
        }),
      );
      const missing = { path: '/', method: 'GET' } as Undici.Dispatcher.RequestOptions;
      await expect(dispatcher.request(missing)).rejects.toThrow(/^origin: give it/);
      const other = { ...missing, origin, path: 'http://api.example.com/' };
      await expect(make(origin).request(other)).rejects.toThrow(/^path: expected/);
      await expect(undici.connect(origin, { dispatcher: make(origin) })).rejects.toThrow(
        'method: CONNECT cannot be signed',
      );
      expect(connections()).toBe(0);
    });

    it.each<[unknown, RegExp]>([
      [{ Authorization: 'x' }, /^headers: authorization is set by the signer/],
      [['date', 'x'], /^headers: date is set by the signer/],
      [{ 'Content-Type': ['a/b', 'c/d'] }, /^headers: content-type is given more than once/],
      [{ Host: 'evil.example' }, /^headers: host differs/],
      [{ 'X-A': {} }, /^headers: "X-A" has a value/],
      [['X-A'], /^headers: expected a value after every name/],
      ['X-A: 1', /^headers: expected an object/],
    ])('the header fields %j', async (headers, reason) => {
      const { origin, connections } = await startListener();
      const attempt = ask(origin, { dispatcher: make(origin, { retry: {} }), headers });
      await expect(attempt).rejects.toThrow(reason);
      expect(connections()).toBe(0);
    });

    it.each<[unknown, string]>([
      [{ origins: [] }, 'origins: '],
      [{ retry: true }, 'retry: '],
      [{ redirect: true }, 'redirect: '],
      [{ redirect: { maxRedirections: -1 } }, 'redirect: '],
      [{ maxBodyBytes: -1 }, 'maxBodyBytes: '],
      [{ requireSignedResponse: 1 }, 'requireSignedResponse: '],
    ])('the options %j', (options, reason) => {
      expect(() => make('https://api.example.com', options as Options)).toThrow(reason);
      expect(() => signedDispatcher({} as never, createSigner(TEST_KEY), { origins: [] })).toThrow(
        'dispatcher: ',
      );
      expect(() => signedDispatcher(agent, {} as never, { origins: [] })).toThrow('signer: ');
    });
  });

  describe('redirects', () => {
    const redirect = { maxRedirections: 5 };
    it.each([301, 302, 303, 307, 308])('%i, signed anew', async (status) => {
      const server = await startServer((response, { target, body }) => {
        if (target === '/') response.writeHead(status, { Location: '/end?a=1' }).end('moved');
        else response.end(Buffer.from(body));
      });
      const headers = { ...JSON_TYPE, 'Content-Length': '50000' };
      const init = { dispatcher: make(server.origin, { redirect, retry: {} }), headers };
      const body = Readable.from([WHOLE]);
      const answer = await ask(server.origin, { ...init, method: 'POST', body });
      expect([answer.statusCode, answer.text.length > 0]).toEqual([200, status > 303]);
      expect(server.seen.map(({ caller }) => caller !== undefined)).toEqual([true, true]);
      expect(new Set(noncesOf(server)).size).toBe(2);
      const { method, headers: last } = server.seen[1] as TestServer['seen'][0];
      expect([method, last['content-type'], last['content-length']]).toEqual(
        status > 303 ? ['POST', 'application/json', '50000'] : ['GET', undefined, undefined],
      );
    });

    it('are not followed to another origin, which gets nothing', async () => {
      const { origin, connections } = await startListener();
      const server = await startServer((response) =>
        response.writeHead(307, { Location: `${origin}/steal` }).end(),
      );
      for (const more of [{}, { retry: { minTimeout: 1 } }]) {
        const dispatcher = make(server.origin, { redirect, ...more });
        await expect(ask(server.origin, { dispatcher, method: 'PUT', body: 'x' })).rejects.toThrow(
          origin,
        );
        await expect(fetch(server.origin, { dispatcher } as RequestInit)).rejects.toThrow(
          TypeError,
        );
      }
      expect([server.seen.length, connections()]).toEqual([4, 0]);
    });

    it('go to another origin that is allowed, without what is signed for the first', async () => {
      const end = await startEcho();
      const server = await startServer((response) =>
        response.writeHead(308, { Location: `${end.origin}/end` }).end(),
      );
      const dispatcher = make(server.origin, { redirect, origins: [server.origin, end.origin] });
      const echo = await echoed(server.origin, { dispatcher, method: 'PUT', body: 'x' });
      expect(echo).toMatchObject({ method: 'PUT', target: '/end' });
      expect(noncesOf(end)).not.toEqual(noncesOf(server));
    });

    it('are plain responses unless asked for', async () => {
      const server = await startServer((response) =>
        response.writeHead(302, { Location: '/' }).end(),
      );
      expect((await ask(server.origin, { dispatcher: make(server.origin) })).statusCode).toBe(302);
    });
  });

  describe('retries', () => {
    const retry = { minTimeout: 1, maxRetries: 3 };
    it('a stream, whole and with another nonce each time', async () => {
      const dispatcher = make(proxy.origin, { retry });
      proxy.faults.push({ resetBefore: true }, { resetAfter: true }, { resetBefore: true });
      const body = Readable.from([WHOLE.subarray(0, 9), WHOLE.subarray(9)]);
      const answer = await ask(proxy.origin, { dispatcher, method: 'PUT', body });
      expect(JSON.parse(answer.text)).toMatchObject({ bodyBytes: WHOLE.length });
      expect([sent().length, new Set(sent()).size]).toEqual([4, 4]);
    });

    it('what a 503 asks to come again, and a digested body', async () => {
      let busy = 2;
      const server = await startServer((response, { body }) => {
        response.statusCode = busy-- > 0 ? 503 : 200;
        response.end(`${body.length}`);
      });
      const open = async function* () {
        yield WHOLE;
      };
      const body = { digest: await digestOf(Uint8Array.from(WHOLE)), open };
      const dispatcher = make(server.origin, { retry });
      const answer = await ask(server.origin, { dispatcher, method: 'PUT', body });
      expect([answer.statusCode, answer.text]).toEqual([200, '50000']);
      expect(new Set(noncesOf(server)).size).toBe(3);
    });

    it('also an answer that was held back and cut short', async () => {
      const slow = { ...retry, minTimeout: 60 };
      const dispatcher = make(proxy.origin, { retry: slow, requireSignedResponse: true });
      proxy.faults.push({ alter: (answer) => answer.subarray(0, -3) });
      const asked = ask(proxy.origin, { dispatcher });
      while (proxy.requests.length === 0) await sleep(2);
      await sleep(30); // for the answer
      const [first] = proxy.requests;
      await proxy.clear();
      expect(JSON.parse((await asked).text)).toMatchObject({ method: 'GET' });
      expect(first?.includes(sent()[0] as string)).toBe(false);
    });

    it('no answer that cannot be believed', async () => {
      const dispatcher = make(proxy.origin, {
        retry,
        redirect: { maxRedirections: 3 },
        requireSignedResponse: true,
      });
      proxy.faults.push({
        alter: (answer) =>
          Buffer.from(answer.toString('latin1').replace('200 OK', '201 OK'), 'latin1'),
      });
      await expect(ask(proxy.origin, { dispatcher })).rejects.toMatchObject({
        name: 'ResponseFaultError',
        reason: 'signature_mismatch',
      });
      expect(sent().length).toBe(1);
    });

    it('on connections that the server closes all the time', async () => {
      const server = await startServer((response) => {
        setImmediate(() => response.socket?.end());
        response.end('ok');
      });
      const dispatcher = make(server.origin, { retry });
      for (let i = 0; i < 50; i++) {
        const answer = await ask(server.origin, {
          dispatcher,
          method: 'PUT',
          body: Readable.from(['x']),
        });
        expect(answer.text).toBe('ok');
      }
      expect(new Set(noncesOf(server)).size).toBe(server.seen.length);
      expect(server.seen.length).toBeGreaterThanOrEqual(50);
    });

    it('the rest of a response, after a redirect too', async () => {
      let cut = true;
      const server = await startServer((response, { target }, { headers }) => {
        if (target === '/') {
          response.writeHead(302, { Location: '/end' }).end();
          return;
        }
        response.setHeader('ETag', '"1"');
        if (cut) {
          cut = false;
          response.setHeader('Content-Length', WHOLE.length).write(WHOLE.subarray(0, 20_000));
          setTimeout(() => response.destroy(), 30);
        } else {
          const from = Number(/bytes=(\d+)-/.exec(headers.range as string)?.[1]);
          const range = `bytes ${from}-${WHOLE.length - 1}/${WHOLE.length}`;
          const rest = WHOLE.subarray(from);
          response
            .writeHead(206, { 'Content-Range': range, 'Content-Length': rest.length })
            .end(rest);
        }
      });
      const dispatcher = make(server.origin, { retry, redirect: { maxRedirections: 1 } });
      const { body } = await undici.request(server.origin, { dispatcher });
      expect(Buffer.from(await body.arrayBuffer())).toEqual(WHOLE);
      expect(new Set(noncesOf(server)).size).toBe(3);
    });
  });

  describe('ends when it is aborted', () => {
    it('while the body is read, and while a retry waits', async () => {
      const never = async function* () {
        yield WHOLE;
        await new Promise(() => {});
      };
      for (const [origin, body] of [
        [proxy.origin, never()],
        ['http://127.0.0.1:1', 'x'],
      ] as const) {
        const dispatcher = make(origin, { retry: { minTimeout: 400 } });
        const signal = AbortSignal.timeout(40);
        const started = performance.now();
        await expect(ask(origin, { dispatcher, method: 'PUT', body, signal })).rejects.toThrow(
          /aborted/,
        );
        expect(performance.now() - started).toBeLessThan(350);
      }
      await sleep(450); // by then the retry has been given up
      expect(sent()).toEqual([]);
    });

    it('before it starts, while it is answered and afterwards', async () => {
      const server = await startServer((response) => response.write('x'));
      const dispatcher = make(server.origin);
      const ended = AbortSignal.abort(new Error('enough'));
      await expect(ask(server.origin, { dispatcher, signal: ended })).rejects.toThrow('enough');
      expect(server.seen).toEqual([]);
      const controller = new AbortController();
      const { signal } = controller;
      const one = await undici.request(server.origin, { dispatcher, signal });
      const two = await fetch(server.origin, { dispatcher, signal } as RequestInit);
      controller.abort(new Error('enough'));
      await expect(one.body.text()).rejects.toThrow('enough');
      await expect(two.text()).rejects.toThrow();
      const strict = make(server.origin, { requireSignedResponse: true });
      const held = ask(server.origin, { dispatcher: strict, signal: AbortSignal.timeout(30) });
      await expect(held).rejects.toThrow(/aborted/);
    });
  });

  it('corrects its clock with a body that is streamed', async () => {
    const told: unknown[] = [];
    const options = { onClockCorrected: (event: unknown) => told.push(event) };
    const dispatcher = make(proxy.origin, options, { now: () => Date.now() - 3_600_000 });
    let opened = 0;
    const open = async function* () {
      opened++;
      yield WHOLE;
    };
    const body = { digest: await digestOf(Uint8Array.from(WHOLE)), length: WHOLE.length, open };
    const answer = await ask(proxy.origin, { dispatcher, method: 'POST', body });
    expect(JSON.parse(answer.text)).toMatchObject({ bodyBytes: WHOLE.length });
    expect([opened, told.length, new Set(sent()).size]).toEqual([2, 1, 2]);
  });

  it('loads a secret that is rotated, for fetch too', async () => {
    const server = await startEcho();
    const secrets = [`csk_${'A'.repeat(43)}`, TEST_KEY.secret];
    const secret = () => (secrets.length > 1 ? secrets.shift() : secrets[0]) as string;
    const dispatcher = make(server.origin, {}, { secret });
    const answer = await fetch(server.origin, {
      dispatcher,
      method: 'PUT',
      body: 'x',
    } as RequestInit);
    expect(bytesOf((await answer.json()) as Echo).toString()).toBe('x');
    expect([server.seen.length, new Set(noncesOf(server)).size]).toEqual([2, 2]);
    const failing = make(
      server.origin,
      {},
      { secret: () => Promise.reject(new Error('vault: sealed')) },
    );
    await expect(ask(server.origin, { dispatcher: failing })).rejects.toThrow('vault: sealed');
  });

  it('hands signed answers to fetch, coded ones too', async () => {
    const dispatcher = make(proxy.origin, { requireSignedResponse: true });
    const one = await fetch(proxy.origin, { dispatcher } as RequestInit);
    expect(await one.json()).toMatchObject({ method: 'GET' });
    const two = await undici.fetch(proxy.origin, { dispatcher });
    expect(await two.json()).toMatchObject({ method: 'GET' });
    proxy.faults.length = 0;
    await proxy.clear();
    proxy.faults.push({
      alter: (answer) => Buffer.from(answer.toString('latin1').replace('"GET"', '"PUT"'), 'latin1'),
    });
    await expect(fetch(proxy.origin, { dispatcher } as RequestInit)).rejects.toMatchObject({
      cause: expect.objectContaining({ reason: 'digest_mismatch' }),
    });
  });

  it('is closed as the dispatcher that it was made of', async () => {
    const own = new undici.Agent();
    const dispatcher = signedDispatcher(own, createSigner(TEST_KEY), { origins: [proxy.origin] });
    expect(dispatcher).toBeInstanceOf(undici.Dispatcher);
    await (await undici.request(proxy.origin, { dispatcher })).body.dump();
    await dispatcher.close();
    expect(own.closed).toBe(true);
    await expect(ask(proxy.origin, { dispatcher })).rejects.toThrow(/closed|destroyed/);
  });
});
