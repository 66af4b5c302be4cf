import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { freePort, selfSignedCertificate } from '@countersign/test-servers';
import { signedRequest, TEST_KEY_ENTRY, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { folder } from './gateway-rig.js';
import { listening, proxyTo, type Running, service, untilTestEnds } from './proxy-rig.js';

const verifier = () =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
  });

/** Something that listens, and answers with bytes. */
async function bytesServer(answer: (socket: Socket) => void): Promise<Running> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function ask(port: number, options = {}) {
  const wire = await Wire.open(port);
  try {
    const view = signedRequest({ now: () => Date.now(), ...options });
    const { status, headers, body } = await wire.write(view).reply();
    if (status >= 500) expect(headers.get('content-type')).toBe('application/problem+json');
    return [status, status < 400 ? body : JSON.parse(body).code];
  } finally {
    wire.socket.destroy();
  }
}

const OK = 'HTTP/1.1 200 OK\r\n';
describe('an upstream that misbehaves', () => {
  it.each([
    ['closes at once', (s: Socket) => s.destroy(), 'upstream_unavailable'],
    ['answers what is no HTTP', (s: Socket) => s.end('hello\r\n\r\n'), 'upstream_malformed'],
    ['ends within the head', (s: Socket) => s.end(`${OK}Content-Le`), 'upstream_unavailable'],
    [
      'sends a head without end',
      (s: Socket) => {
        s.write(OK);
        const more = () => {
          if (!s.destroyed && s.write(`X-A: ${'a'.repeat(8000)}\r\n`)) setImmediate(more);
          else s.once('drain', more);
        };
        more();
      },
      'upstream_malformed',
    ],
    [
      'begins with a bad chunk',
      (s: Socket) => s.write(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`),
      'upstream_malformed',
    ],
    [
      'has both lengths',
      (s: Socket) =>
        s.write(`${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
      'upstream_malformed',
    ],
    [
      'ends before its body',
      (s: Socket) => s.end(`${OK}Content-Length: 9\r\n\r\n`),
      'upstream_unavailable',
    ],
  ])('%s: 502', async (_, answer, code) => {
    const behind = await untilTestEnds(bytesServer(answer));
    const proxy = await untilTestEnds(proxyTo(behind.port, verifier()));
    expect(await ask(proxy.port)).toEqual([502, code]);
  });

  it('is cut off in the middle: so is the answer', async () => {
    const behind = await untilTestEnds(
      bytesServer((socket) => {
        socket.write(`${OK}Content-Length: 100\r\n\r\nhalf`);
        setTimeout(() => socket.destroy(), 50);
      }),
    );
    const proxy = await untilTestEnds(proxyTo(behind.port, verifier()));
    await expect(ask(proxy.port)).rejects.toThrow('closed after');
  });

  it('is not there: 502', async () => {
    const proxy = await untilTestEnds(proxyTo(await freePort(), verifier()));
    expect(await ask(proxy.port)).toEqual([502, 'upstream_unavailable']);
  });

  it('is silent: 504', async () => {
    const behind = await untilTestEnds(bytesServer(() => {}));
    const upstream = { timeout: 200 };
    const proxy = await untilTestEnds(proxyTo(behind.port, verifier(), { upstream }));
    expect(await ask(proxy.port)).toEqual([504, 'upstream_timeout']);
  });
});

describe('several upstreams', () => {
  const namedService = (name: string) =>
    untilTestEnds(service((_, response) => response.end(name)));

  it('take turns', async () => {
    const [a, b] = [await namedService('a'), await namedService('b')];
    const origins = [a, b].map(({ port }) => `http://127.0.0.1:${port}`);
    const proxy = await untilTestEnds(proxyTo(0, verifier(), { upstream: { origins } }));
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push((await ask(proxy.port))[1]);
    expect(answers).toEqual(['a', 'b', 'a', 'b']);
  });

  it('one that is not there is asked for nothing more than the connection', async () => {
    const a = await namedService('a');
    const origins = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${a.port}`];
    const proxy = await untilTestEnds(proxyTo(0, verifier(), { upstream: { origins } }));
    for (let i = 0; i < 3; i++) {
      expect(await ask(proxy.port, { method: 'POST', body: 'x' })).toEqual([200, 'a']);
    }
  });

  it('the next one gets all of a body that was spooled, a streamed one goes nowhere', async () => {
    const a = await namedService('a');
    const origins = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${a.port}`];
    const body = Buffer.alloc(300_000, 'countersign');
    const spool = { memoryBytes: 1000, directory: folder() };
    const spooling = proxyTo(0, verifier(), { upstream: { origins }, spool });
    expect(await ask((await untilTestEnds(spooling)).port, { method: 'POST', body })).toEqual([
      200,
      'a',
    ]);
    expect(a.got.map((got) => got.body.equals(body))).toEqual([true]);
    const streams = { streams: () => true, streamVerifier: verifier().route({ body: 'stream' }) };
    const streaming = proxyTo(0, verifier(), { upstream: { origins }, ...streams });
    expect(await ask((await untilTestEnds(streaming)).port, { method: 'POST', body })).toEqual([
      502,
      'upstream_unavailable',
    ]);
    expect(a.got).toHaveLength(1);
  });

  it('over TLS are asked for their health as for anything, by the authority that is named', async () => {
    const { cert, keyFile } = await selfSignedCertificate(folder());
    const tls = { cert, key: readFileSync(keyFile) };
    const asked: string[] = [];
    const secure = async (name: string, health: number) =>
      untilTestEnds(
        listening(
          createHttpsServer(tls, (request, response) => {
            if (request.url === '/healthz') {
              asked.push(name);
              response.statusCode = health;
            }
            response.end(name);
          }),
        ),
      );
    const [a, b] = [await secure('a', 503), await secure('b', 200)];
    const origins = [a, b].map(({ port }) => `https://127.0.0.1:${port}`);
    const health = { path: '/healthz', every: 0.1 };
    const upstream = { origins, health, ca: cert };
    const proxy = await untilTestEnds(proxyTo(0, verifier(), { upstream }));
    await expect.poll(() => asked).toEqual(expect.arrayContaining(['a', 'b']));
    const both = async () => [(await ask(proxy.port))[1], (await ask(proxy.port))[1]];
    await expect.poll(both).toEqual(['b', 'b']);
    const untrusting = await untilTestEnds(proxyTo(0, verifier(), { upstream: { origins } }));
    expect(await ask(untrusting.port)).toEqual([502, 'upstream_unavailable']);
  });

  it('one that is unwell is passed over until it is well', async () => {
    let well = false;
    const a = await untilTestEnds(
      service((request, response) => {
        if (request.url === '/healthz') response.statusCode = well ? 200 : 503;
        response.end('a');
      }),
    );
    const b = await namedService('b');
    const origins = [a, b].map(({ port }) => `http://127.0.0.1:${port}`);
    const health = { path: '/healthz', every: 0.1 };
    const proxy = await untilTestEnds(proxyTo(0, verifier(), { upstream: { origins, health } }));
    const both = async () => [(await ask(proxy.port))[1], (await ask(proxy.port))[1]].sort();
    await expect.poll(both).toEqual(['b', 'b']);
    well = true;
    await expect.poll(both).toEqual(['a', 'b']);
  });
});
