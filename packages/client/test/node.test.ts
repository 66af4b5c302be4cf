import { Agent, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type SignedRequestInit, signedRequest } from '@countersign/client/node';
import { describe, expect, it } from 'vitest';
import { make, pieces, signingProxy, WHOLE } from './node-setup.js';
import { type Echo, startEcho, startListener, startRecorder, startServer } from './servers.js';

const signing = signingProxy();

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
    const call = make(signing.proxy.origin, { requireSignedResponse: true });
    const held = await call(signing.proxy.origin);
    const plain = await make(signing.proxy.origin)(signing.proxy.origin);
    expect(held).not.toBeInstanceOf(IncomingMessage);
    for (const name of ['statusCode', 'statusMessage', 'httpVersion'] as const) {
      expect(held[name]).toBe(plain[name]);
    }
    expect(Object.keys(held.headers)).toEqual(Object.keys(plain.headers));
    expect(held.rawHeaders.length).toBe(plain.rawHeaders.length);
    expect(Object.keys(held.headersDistinct)).toEqual(Object.keys(plain.headers));
    expect(JSON.parse(await text(held))).toMatchObject({ method: 'GET' });
    expect(signing.proxy.requests[0]?.toString()).toMatch(/^accept-encoding: identity\r$/im);
    expect(await text(plain)).not.toBe('');
    const coded = await call(signing.proxy.origin, { headers: { 'Accept-Encoding': 'br' } });
    expect(await text(coded)).not.toBe('');
    expect(Buffer.concat(signing.proxy.requests).toString()).toMatch(/^accept-encoding: br\r$/im);
    expect(await text(await call(signing.proxy.origin, { method: 'HEAD' }))).toBe('');
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
