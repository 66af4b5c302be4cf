import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { make, noncesOf, pieces, signingProxy, WHOLE } from './node-setup.js';
import { startListener, startServer, type TestServer } from './servers.js';

const signing = signingProxy();

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])('%i, signed anew', async (status) => {
    const server = await startServer((response, { target, body }) => {
      if (target === '/') response.writeHead(status, { Location: '/end?a=1' }).end('moved');
      else response.end(Buffer.from(body));
    });
    const response = await make(server.origin)(server.origin, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
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

  it('take to another origin nothing that is meant for this one', async () => {
    const end = await startServer((response) => response.end());
    const start = await startServer((response, { target }) =>
      response.writeHead(307, { Location: target === '/' ? '/next' : `${end.origin}/` }).end(),
    );
    const call = make(start.origin, { origins: [start.origin, end.origin] });
    const headers = { Cookie: 'a=1', 'Proxy-Authorization': 'Basic eDp5', 'X-Tenant': 't' };
    expect((await call(start.origin, { headers })).statusCode).toBe(200);
    const sent = [...start.seen, ...end.seen].map(({ headers }) => [
      headers.cookie,
      headers['proxy-authorization'],
      headers['x-tenant'],
    ]);
    const own = ['a=1', 'Basic eDp5', 't'];
    expect(sent).toEqual([own, own, [undefined, undefined, 't']]);
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
    signing.proxy.faults.push({ resetBefore: true }, { resetAfter: true });
    const body = Readable.from(pieces());
    const response = await make(signing.proxy.origin, { retries: 2 })(signing.proxy.origin, {
      method: 'PUT',
      body,
    });
    expect(JSON.parse(await text(response))).toMatchObject({ bodyBytes: WHOLE.length });
    expect([signing.sent().length, new Set(signing.sent()).size]).toEqual([3, 3]);
  });

  it('so often and no more, and never what may have been applied', async () => {
    for (const [retries, method, attempts] of [
      [0, 'PUT', 1],
      [1, 'PUT', 2],
      [3, 'POST', 1],
      [3, 'PATCH', 1],
    ] as const) {
      await signing.proxy.clear();
      signing.proxy.faults.push(...Array(3).fill({ resetAfter: true }));
      const attempt = make(signing.proxy.origin, { retries })(signing.proxy.origin, {
        method,
        body: 'x',
      });
      await expect(attempt).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(signing.sent().length).toBe(attempts);
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
    const call = make(signing.proxy.origin, { retries: 1, requireSignedResponse: true });
    signing.proxy.faults.push({ alter: (answer) => answer.subarray(0, -3) });
    const asked = call(signing.proxy.origin);
    while (signing.proxy.requests.length === 0) await sleep(2);
    await sleep(30); // for the answer
    await signing.proxy.clear();
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
