import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createSigner, type SignerOptions } from '@countersign/client';
import {
  fileBody,
  type SignedRequestInit,
  type SignedRequestOptions,
  secretEnv,
  secretFile,
  signedRequest,
} from '@countersign/client/node';
import { TEST_KEY } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import {
  type Echo,
  startEcho,
  startListener,
  startRecorder,
  startServer,
  type TestServer,
} from './servers.js';

const WHOLE = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
const JSON_TYPE = { 'Content-Type': 'application/json' };

let proxy: FaultProxy;
let directory: string;
let path: string;
beforeAll(async () => {
  let port = 0;
  proxy = await startFaultProxy(() => port, 'afterAll');
  port = await startServe(proxy.host, '--sign-responses');
  directory = mkdtempSync(join(tmpdir(), 'countersign-node-'));
  path = join(directory, 'file');
});
beforeEach(async () => {
  await proxy.clear();
  writeFileSync(path, WHOLE);
});
afterAll(() => rmSync(directory, { recursive: true }));

const make = (
  origin: string,
  options: Partial<SignedRequestOptions> = {},
  signer: Partial<SignerOptions> = {},
) => signedRequest(createSigner({ ...TEST_KEY, ...signer }), { origins: [origin], ...options });
const sent = () =>
  Buffer.concat(proxy.requests)
    .toString('latin1')
    .match(/(?<=^x-nonce: )\S+/gim) ?? [];
const noncesOf = (server: TestServer) => server.seen.map(({ nonce }) => nonce);
async function* pieces() {
  for (let at = 0; at < WHOLE.length; at += 9_999) yield WHOLE.subarray(at, at + 9_999);
}

describe('signedRequest', () => {
  it('gives the message of Node, as it comes', async () => {
    const server = await startServer((response) => {
      response.setHeader('Set-Cookie', ['a=1', 'b=2']).write('first');
      setTimeout(() => response.end(' second'), 20);
    });
    const response = await make(server.origin)(`${server.origin}/a?b=1`, {
      headers: { 'X-A': 'b' },
    });
    expect(response).toBeInstanceOf(IncomingMessage);
    expect([response.statusCode, response.headers['set-cookie']]).toEqual([200, ['a=1', 'b=2']]);
    expect(await text(response)).toBe('first second');
    expect(server.seen[0]).toMatchObject({ target: '/a?b=1', headers: { 'x-a': 'b' } });
  });

  it('gives the same members where it had to be held back', async () => {
    const call = make(proxy.origin, { requireSignedResponse: true });
    const held = await call(proxy.origin);
    const plain = await make(proxy.origin)(proxy.origin);
    expect(held).not.toBeInstanceOf(IncomingMessage);
    for (const name of ['statusCode', 'statusMessage', 'httpVersion'] as const) {
      expect(held[name]).toBe(plain[name]);
    }
    expect(Object.keys(held.headers)).toEqual(Object.keys(plain.headers));
    expect(held.rawHeaders.length).toBe(plain.rawHeaders.length);
    expect(Object.keys(held.headersDistinct)).toEqual(Object.keys(plain.headers));
    expect(JSON.parse(await text(held))).toMatchObject({ method: 'GET' });
    expect(proxy.requests[0]?.toString()).toMatch(/^accept-encoding: identity\r$/im);
    expect(await text(plain)).not.toBe('');
    const coded = await call(proxy.origin, { headers: { 'Accept-Encoding': 'br' } });
    expect(await text(coded)).not.toBe('');
    expect(Buffer.concat(proxy.requests).toString()).toMatch(/^accept-encoding: br\r$/im);
    expect(await text(await call(proxy.origin, { method: 'HEAD' }))).toBe('');
  });

  it.each<[string, () => SignedRequestInit['body'], string | null]>([
    ['bytes', () => WHOLE, null],
    ['text', () => WHOLE.toString('base64'), null],
    ['a stream', () => Readable.from(pieces()), null],
    [
      'a form',
      () => {
        const form = new FormData();
        form.append('file', new Blob([WHOLE]), 'f.bin');
        return form;
      },
      expect.stringMatching(/^multipart\/form-data; /),
    ],
    ['a Blob', () => new Blob([WHOLE], { type: 'a/b' }), 'a/b'],
    ['nothing', () => undefined, null],
  ])('sends %s, with its length whatever the method', async (_, body, contentType) => {
    const server = await startEcho();
    for (const method of ['post', 'GET', 'DELETE']) {
      const response = await make(server.origin)(server.origin, { method, body: body() });
      const echo = JSON.parse(await text(response)) as Echo;
      expect(echo).toMatchObject({ method: method.toUpperCase(), contentType });
      const got = Buffer.from(echo.body, 'base64');
      const given = body();
      if (typeof given === 'string') expect(got.toString()).toBe(given);
      else expect(got.includes(WHOLE)).toBe(given !== undefined);
      const last = server.seen.at(-1)?.headers;
      expect(last?.['transfer-encoding']).toBe(undefined);
      const hasLength = given !== undefined || method === 'post';
      expect(last?.['content-length']).toBe(hasLength ? `${got.length}` : undefined);
    }
  });

  it('sends the host of the URL, and one request at a time to a connection', async () => {
    const { origin, heads } = await startRecorder();
    await make(origin)(`${origin}/`, { headers: ['X-A', '1', 'X-A', '2'] as never });
    const [line, ...fields] = (heads[0] as string).split('\r\n');
    expect(line).toBe('GET / HTTP/1.1');
    expect(fields).toContain(`Host: ${new URL(origin).host}`);
    expect(fields.filter((field) => field.startsWith('X-A'))).toEqual(['X-A: 1', 'X-A: 2']);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const server = await startServer((response, _, request) =>
      response.end(`${request.socket.remotePort}`),
    );
    const call = make(server.origin);
    const ports = [];
    for (let i = 0; i < 3; i++)
      ports.push(await text(await call(server.origin, { agent, body: 'x' })));
    expect(new Set(ports).size).toBe(1);
    agent.destroy();
  });

  it.each<[SignedRequestInit, RegExp]>([
    [{ headers: { Host: 'a' } }, /^headers: host/],
    [{ headers: { Date: 'a' } }, /^headers: date is set by the signer/],
    [{ headers: { 'Transfer-Encoding': 'chunked' }, body: 'x' }, /^headers: transfer-encoding/],
    [{ headers: { 'Content-Length': 2 }, body: 'x' }, /^headers: content-length/],
    [{ headers: { 'Content-Type': ['a/b', 'c/d'] } }, /^headers: content-type is given more/],
    [{ method: 'CONNECT' }, /^method: CONNECT/],
    [{ method: 'A B' }, /^method: /],
    [{ body: {} as never }, /^body: /],
    [{ body: Readable.from(pieces()) }, /^body: more than 9 bytes/],
  ])('sends nothing it cannot sign: %j', async (init, reason) => {
    const { origin, connections } = await startListener();
    await expect(make(origin, { maxBodyBytes: 9 })(origin, init)).rejects.toThrow(reason);
    await expect(make('https://a.example')(origin, init)).rejects.toThrow(`origins: ${origin}`);
    await expect(make(origin)('/a', init)).rejects.toThrow(/^url: /);
    expect(connections()).toBe(0);
  });

  it.each<[object, string]>([
    [{ origins: [] }, 'origins: '],
    [{ maxRedirects: -1 }, 'maxRedirects: '],
    [{ retries: 0.5 }, 'retries: '],
    [{ maxBodyBytes: -1 }, 'maxBodyBytes: '],
    [{ correctClock: 1 }, 'correctClock: '],
  ])('refuses the options %j', (options, reason) => {
    expect(() => make('https://a.example', options)).toThrow(reason);
    expect(() => signedRequest({} as never, { origins: [] })).toThrow('signer: ');
  });

  it('ends with the signal, wherever it is', async () => {
    const server = await startServer((response) => response.write('x'));
    const never = async function* () {
      yield WHOLE;
      await new Promise(() => {});
    };
    const reason = new Error('enough');
    const ending = (call: ReturnType<typeof make>, url: string, init: SignedRequestInit = {}) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 30);
      return expect(call(url, { ...init, signal: controller.signal })).rejects.toBe(reason);
    };
    const strict = { requireSignedResponse: true };
    await ending(make(server.origin), server.origin, { method: 'PUT', body: never() });
    await ending(make('http://127.0.0.1:1', { retries: 9 }), 'http://127.0.0.1:1/');
    await ending(make(server.origin, {}, { secret: () => new Promise(() => {}) }), server.origin);
    await ending(make(server.origin, strict), server.origin);
    const signal = AbortSignal.abort(reason);
    await expect(make(server.origin)(server.origin, { signal })).rejects.toBe(reason);
    expect(server.seen.length).toBe(1);
  });
});

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])('%i, signed anew', async (status) => {
    const server = await startServer((response, { target, body }) => {
      if (target === '/') response.writeHead(status, { Location: '/end?a=1' }).end('moved');
      else response.end(Buffer.from(body));
    });
    const response = await make(server.origin)(server.origin, {
      method: 'POST',
      headers: JSON_TYPE,
      body: Readable.from(pieces()),
    });
    expect((await buffer(response)).length).toBe(status > 303 ? WHOLE.length : 0);
    expect(server.seen.every(({ caller }) => caller !== undefined)).toBe(true);
    expect(new Set(noncesOf(server)).size).toBe(2);
    const { method, headers } = server.seen[1] as TestServer['seen'][0];
    expect([method, headers['content-type'], headers['content-length']]).toEqual(
      status > 303 ? ['POST', 'application/json', '200000'] : ['GET', undefined, undefined],
    );
  });

  it('are not followed to another origin, nor too often, nor nowhere', async () => {
    const { origin, connections } = await startListener();
    let location = `${origin}/steal`;
    const server = await startServer((response) =>
      response.writeHead(307, { Location: location }).end(),
    );
    const call = make(server.origin, { maxRedirects: 2, retries: 2 });
    await expect(call(server.origin, { method: 'PUT', body: 'x' })).rejects.toThrow(origin);
    expect([server.seen.length, connections()]).toEqual([1, 0]);
    location = '/';
    await expect(call(server.origin)).rejects.toThrow('redirect: more than 2 were answered');
    expect(server.seen.length).toBe(4);
    location = 'http://';
    await expect(call(server.origin)).rejects.toThrow(TypeError);
  });
});

describe('retries', () => {
  it('a stream, whole and with another nonce each time', async () => {
    proxy.faults.push({ resetBefore: true }, { resetAfter: true });
    const body = Readable.from(pieces());
    const response = await make(proxy.origin, { retries: 2 })(proxy.origin, {
      method: 'PUT',
      body,
    });
    expect(JSON.parse(await text(response))).toMatchObject({ bodyBytes: WHOLE.length });
    expect([sent().length, new Set(sent()).size]).toEqual([3, 3]);
  });

  it('so often and no more, and never what may have been applied', async () => {
    for (const [retries, method, attempts] of [
      [0, 'PUT', 1],
      [1, 'PUT', 2],
      [3, 'POST', 1],
      [3, 'PATCH', 1],
    ] as const) {
      await proxy.clear();
      proxy.faults.push(...Array(3).fill({ resetAfter: true }));
      const attempt = make(proxy.origin, { retries })(proxy.origin, { method, body: 'x' });
      await expect(attempt).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(sent().length).toBe(attempts);
    }
    const started = performance.now();
    const nobody = make('http://127.0.0.1:1', { retries: 2 });
    const attempt = nobody('http://127.0.0.1:1/', { method: 'POST' });
    await expect(attempt).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(performance.now() - started).toBeGreaterThan(140); // 50 to 100, and 100 to 200
  });

  it('what a 503 asks to come again, unless it is in too long a time', async () => {
    const answers: (string | undefined)[] = [];
    const server = await startServer((response) => {
      const after = answers.shift();
      if (after === undefined) response.end('ok');
      else response.writeHead(503, after === '' ? {} : { 'Retry-After': after }).end('busy');
    });
    const call = make(server.origin, { retries: 2 });
    const past = 'Wed, 01 Jan 2020 12:00:30 GMT';
    for (const [asked, status, attempts] of [
      [['0', past], 200, 3],
      [['0', '0', '0'], 503, 3],
      [['31'], 503, 1],
      [['soon'], 503, 1],
      [[''], 503, 1],
    ] as const) {
      answers.splice(0, answers.length, ...asked);
      server.seen.length = 0;
      const response = await call(server.origin, { method: 'POST', body: 'x' });
      await text(response);
      expect([response.statusCode, server.seen.length]).toEqual([status, attempts]);
      expect(new Set(noncesOf(server)).size).toBe(attempts);
    }
    answers.splice(0, 1, '1');
    const started = performance.now();
    expect((await call(server.origin)).statusCode).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(990);
  });

  it('an answer that was held back and cut short', async () => {
    const call = make(proxy.origin, { retries: 1, requireSignedResponse: true });
    proxy.faults.push({ alter: (answer) => answer.subarray(0, -3) });
    const asked = call(proxy.origin);
    while (proxy.requests.length === 0) await sleep(2);
    await sleep(30); // for the answer
    await proxy.clear();
    expect(JSON.parse(await text(await asked))).toMatchObject({ method: 'GET' });
  });

  it('on connections that the server closes all the time', async () => {
    const server = await startServer((response) => {
      setImmediate(() => response.socket?.end());
      response.end('ok');
    });
    const call = make(server.origin, { retries: 5 });
    for (let i = 0; i < 50; i++) {
      const body = Readable.from(pieces());
      expect(await text(await call(server.origin, { method: 'PUT', body }))).toBe('ok');
    }
    expect(new Set(noncesOf(server)).size).toBe(server.seen.length);
  });
});

describe('fileBody', () => {
  it('sends a file, on every attempt', async () => {
    const body = await fileBody(pathToFileURL(path), { type: 'a/b' });
    expect(body).toMatchObject({ length: WHOLE.length, type: 'a/b' });
    const server = await startEcho();
    const response = await make(server.origin)(server.origin, { method: 'PUT', body });
    const echo = JSON.parse(await text(response)) as Echo;
    expect([echo.contentType, Buffer.from(echo.body, 'base64').equals(WHOLE)]).toEqual([
      'a/b',
      true,
    ]);
    proxy.faults.push({ resetBefore: true });
    const told: unknown[] = [];
    const options = { retries: 1, onClockCorrected: (event: unknown) => told.push(event) };
    const call = make(proxy.origin, options, { now: () => Date.now() - 3_600_000 });
    const { length: _, ...chunked } = body;
    for (const each of [body, chunked]) {
      const answer = await text(await call(proxy.origin, { method: 'PUT', body: each }));
      expect(JSON.parse(answer)).toMatchObject({ bodyBytes: WHOLE.length });
    }
    expect([told.length, sent().length]).toEqual([1, 4]);
    writeFileSync(path, '');
    const empty = await fileBody(path);
    expect(empty.length).toBe(0);
    const answer = await text(await call(proxy.origin, { method: 'PUT', body: empty }));
    expect(JSON.parse(answer)).toMatchObject({ bodyBytes: 0 });
  });

  it.each<[string, Uint8Array | string]>([
    ['another content', Buffer.from(WHOLE).fill(7, 0, 1)],
    ['a shorter one', WHOLE.subarray(1)],
    ['a longer one', Buffer.concat([WHOLE, WHOLE])],
    ['none', ''],
  ])('that has %s by now fails, and nobody accepts what was sent', async (_, content) => {
    const body = await fileBody(path);
    writeFileSync(path, content);
    const server = await startEcho();
    const call = make(server.origin, { retries: 2 });
    await expect(call(server.origin, { method: 'PUT', body })).rejects.toThrow(
      /^fileBody: .* changed after it was hashed/,
    );
    expect(server.seen.length).toBeLessThan(2);
    expect(server.seen.every(({ caller }) => caller === undefined)).toBe(true);
  });

  it('fails for what is not there', async () => {
    await expect(fileBody(join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(fileBody(path, { type: 1 as never })).rejects.toThrow('type: ');
    const body = await fileBody(path);
    rmSync(path);
    const { origin } = await startEcho();
    const attempt = make(origin, { retries: 2 })(origin, { method: 'PUT', body });
    await expect(attempt).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('secrets', () => {
  const OLD = `csk_${'A'.repeat(43)}`;
  const put = (content: string) => writeFileSync(path, content);

  it('are read from a file again when they were rotated', async () => {
    put(`\n${OLD}\n`);
    const server = await startEcho();
    const call = make(server.origin, {}, { secret: secretFile(path) });
    expect((await call(server.origin)).statusCode).toBe(401);
    put(` ${TEST_KEY.secret}\r\n`);
    server.seen.length = 0;
    const response = await call(server.origin, { method: 'PUT', body: Readable.from(pieces()) });
    const echo = JSON.parse(await text(response)) as Echo;
    expect(Buffer.from(echo.body, 'base64').equals(WHOLE)).toBe(true);
    expect([server.seen.length, new Set(noncesOf(server)).size]).toEqual([2, 2]);
  });

  it('are read from the environment', async () => {
    process.env.NODE_TEST_SECRET = OLD;
    const secret = secretEnv('NODE_TEST_SECRET');
    const signer = createSigner({ ...TEST_KEY, secret });
    await signer.ready();
    expect(await signer.reload()).toBe(false);
    process.env.NODE_TEST_SECRET = `${TEST_KEY.secret}\n`;
    expect(await signer.reload()).toBe(true);
    process.env.NODE_TEST_SECRET = 'hunter2';
    await expect(signer.reload()).rejects.toThrow(
      /^secretEnv: NODE_TEST_SECRET does not hold a secret \("csk_…"\)$/,
    );
    delete process.env.NODE_TEST_SECRET;
    await expect(signer.reload()).rejects.toThrow('secretEnv: NODE_TEST_SECRET is not set');
  });

  it('that are none are refused, and never repeated', async () => {
    for (const content of ['hunter2', '', 'csk_hunter2', `${OLD} ${OLD}`, `${OLD.slice(0, -1)}B`]) {
      put(content);
      const signer = createSigner({ ...TEST_KEY, secret: secretFile(pathToFileURL(path)) });
      const error = await signer.ready().then(() => undefined, String);
      expect(error).toMatch(/^TypeError: secret/);
      expect(error).not.toMatch(/hunter2|AAAA/);
    }
    const missing = createSigner({ ...TEST_KEY, secret: secretFile(join(directory, 'none')) });
    await expect(missing.ready()).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => secretFile(7 as never)).toThrow('secretFile: ');
    expect(() => secretEnv('')).toThrow('secretEnv: ');
  });
});
