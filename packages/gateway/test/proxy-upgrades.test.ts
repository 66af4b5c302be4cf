import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { selfSignedCertificate } from '@countersign/test-servers';
import { signedRequest, TEST_KEY, TEST_KEY_ENTRY, toHttp1, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { upgradesOf } from '../src/proxy/handshake.js';
import { folder, gatewayOf } from './gateway-rig.js';
import { listening, proxyTo, service, untilTestEnds } from './proxy-rig.js';

const now = () => Date.now();
const verifierOf = (more = {}) =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
    ...more,
  });
const HANDSHAKE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** A service that joins whatever it is asked to, and notes all that it is sent. */
async function eager(answers = (asked: string) => asked) {
  const got: string[] = [];
  const server = createTcpServer((socket: Socket) => {
    socket
      .on('error', () => {})
      .on('data', (piece) => {
        const said = piece.toString('latin1');
        got.push(said);
        const asked = /^upgrade: (.*)\r$/im.exec(said)?.[1];
        if (asked === undefined) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone');
        else {
          const fields = `Connection: Upgrade\r\nUpgrade: ${answers(asked)}\r\n`;
          socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
        }
      });
  });
  return { ...(await untilTestEnds(listening(server as never))), got };
}

async function ask(port: number, request: Parameters<Wire['write']>[0], method?: string) {
  const wire = await Wire.open(port);
  const reply = await wire.write(request).reply(method);
  wire.socket.destroy();
  return reply;
}

describe('an upgrade', () => {
  async function rig() {
    const server = createServer((_, response) => response.writeHead(426).end('none here'));
    new WebSocketServer({ server, path: '/echo' }).on('connection', (socket, request) => {
      socket.send(`${request.headers['x-countersign-credential']}`);
      socket.on('message', (data) => socket.send(`${data}!`));
    });
    const behind = await untilTestEnds(listening(server));
    return untilTestEnds(proxyTo(behind.port, verifierOf()));
  }
  const headersFor = (target: string) => {
    const { headers } = signedRequest({ now, url: `https://api.example.com${target}` });
    return Object.fromEntries(
      headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] as string]] : [])),
    );
  };
  const open = (port: number, headers: Record<string, string>, path = '/echo') =>
    new Promise<WebSocket | number>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
      const greeting = () => resolve(socket);
      socket.once('open', greeting).once('error', reject);
      socket.once('unexpected-response', (_, { statusCode = 0 }) => {
        resolve(statusCode);
        socket
          .off('error', reject)
          .on('error', () => {})
          .terminate();
      });
    });

  it('that was signed joins the two', async () => {
    const proxy = await rig();
    const socket = (await open(proxy.port, headersFor('/echo'))) as WebSocket;
    const messages: string[] = [];
    socket.on('message', (data) => messages.push(`${data}`));
    socket.send('hello');
    await expect.poll(() => messages).toContain('hello!');
    socket.close();
  });

  it('that was not, or was before, is refused', async () => {
    const proxy = await rig();
    const headers = headersFor('/echo');
    expect(await open(proxy.port, { Host: 'api.example.com' })).toBe(401);
    ((await open(proxy.port, headers)) as WebSocket).terminate();
    expect(await open(proxy.port, headers)).toBe(401);
  });

  it('that upstream refuses is refused as it said', async () => {
    const proxy = await rig();
    const status = await open(proxy.port, headersFor('/nothing'), '/nothing');
    expect([400, 426]).toContain(status);
  });
});

describe('a request that is no handshake of a WebSocket is answered as if it asked for nothing', () => {
  it.each([
    ['HTTP/2', { Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA' }],
    ['TLS', { Upgrade: 'TLS/1.2' }],
    ['a protocol of its own', { Upgrade: 'foo' }],
    ['two', { Upgrade: 'websocket, h2c' }],
    ['another version', { 'Sec-WebSocket-Version': '8' }],
    ['no key', { 'Sec-WebSocket-Key': '' }],
    ['a short key', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZQ==' }],
    ['a body', {}, 'GET', 'x'],
    ['HEAD', {}, 'HEAD'],
    ['DELETE', {}, 'DELETE'],
    ['POST', {}, 'POST', '{"a":1}'],
  ])('%s', async (_, fields, method = 'GET', body = '') => {
    const behind = await eager();
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf()));
    const headers = { ...HANDSHAKE, ...fields };
    const request = signedRequest({ now, method, headers, ...(body === '' ? {} : { body }) });
    expect(await ask(proxy.port, request, method)).toMatchObject({ status: 200 });
    expect(behind.got).toHaveLength(1);
    expect(behind.got[0]).not.toMatch(/^(?:upgrade|http2-settings):/im);
    expect(behind.got[0]).toMatch(/^connection: (?:keep-alive|close)\r$/im);
    expect(behind.got[0]?.endsWith(`\r\n\r\n${body}`)).toBe(true);
  });

  it('whatever follows on its connection, which is verified', async () => {
    const behind = await eager();
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf()));
    const wire = await Wire.open(proxy.port);
    const headers = { ...HANDSHAKE, Upgrade: 'h2c' };
    for (let i = 0; i < 3; i++) {
      expect((await wire.write(signedRequest({ now, headers })).reply()).status).toBe(200);
    }
    wire.write(signedRequest({ now, headers })).write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const replies = [await wire.reply().catch(() => undefined)];
    await wire.closed();
    expect([200, 400, undefined]).toContain(replies[0]?.status);
    expect(behind.got.join('')).not.toContain('PRI');
  });

  it('with a body that comes piece by piece, over TLS too', async () => {
    const behind = await untilTestEnds(service());
    const { certFile, keyFile } = await selfSignedCertificate(folder());
    const { port } = await gatewayOf({
      proxy: {
        listen: '127.0.0.1:0',
        upstream: `http://127.0.0.1:${behind.port}`,
        tls: { cert: certFile, key: keyFile },
      },
    });
    const socket = connectTls({ port: port('proxy'), rejectUnauthorized: false });
    socket.on('error', () => {});
    for (const size of [1, 100_000, 300_000]) {
      const body = Buffer.alloc(size, 'countersign ');
      const headers = { ...HANDSHAKE, Upgrade: 'h2c' };
      const bytes = Buffer.from(toHttp1(signedRequest({ now, method: 'POST', headers, body })));
      socket.write(bytes.subarray(0, bytes.length - size));
      await setTimeout(20);
      socket.write(bytes.subarray(bytes.length - size));
      const [answer] = await once(socket, 'data');
      expect(`${answer}`).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(behind.got.at(-1)?.body.equals(body)).toBe(true);
    }
    socket.destroy();
  });
});

describe('a tunnel', () => {
  it('is closed where its caller was gone before it stood', async () => {
    const asked: Socket[] = [];
    const server = createTcpServer((socket) => {
      socket.on('error', () => {}).once('data', () => asked.push(socket));
    });
    const behind = await untilTestEnds(listening(server as never));
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf()));
    const wire = await Wire.open(proxy.port);
    wire.write(signedRequest({ now, headers: HANDSHAKE }));
    await expect.poll(() => asked).toHaveLength(1);
    wire.socket.resetAndDestroy();
    await setTimeout(50);
    const [upstream] = asked as [Socket];
    const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    upstream.resume().write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
    await expect.poll(() => upstream.readableEnded || upstream.destroyed).toBe(true);
  });

  it('is not opened by a presigned URL', async () => {
    const behind = await eager();
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf({ presigned: true })));
    const url = createSigner(TEST_KEY).presign('https://api.example.com/a', { expiresIn: 60 });
    const target = url.slice('https://api.example.com'.length);
    const lines = Object.entries({ Host: 'api.example.com', ...HANDSHAKE }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const reply = await ask(proxy.port, `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([401, 'authorization_missing']);
    expect(behind.got).toEqual([]);
  });

  it('is not opened to another protocol than was asked for', async () => {
    const behind = await eager(() => 'h2c');
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf()));
    const reply = await ask(proxy.port, signedRequest({ now, headers: HANDSHAKE }));
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([502, 'upstream_malformed']);
  });

  it.each([
    [[], 'websocket', 200],
    [['tcp'], 'websocket', 200],
    [['tcp'], 'TCP', 101],
    [undefined, 'WebSocket', 101],
  ])('with upgrades: %j, to %s', async (upgrades, asked, status) => {
    const behind = await eager();
    const upstream = `http://127.0.0.1:${behind.port}`;
    const more = upgrades === undefined ? {} : { upgrades };
    const { port } = await gatewayOf({ proxy: { listen: '127.0.0.1:0', upstream, ...more } });
    const request = signedRequest({ now, headers: { ...HANDSHAKE, Upgrade: asked } });
    expect((await ask(port('proxy'), request)).status).toBe(status);
  });

  it.each(['h2c', 'H2C', 'h2', 'TLS', 'TLS/1.2', 'HTTP/2.0', '', 'a, b'])(
    'can never be to %j',
    async (name) => {
      expect(() => upgradesOf(['websocket', name])).toThrow(/^upgrades: /);
      const proxy = { listen: '127.0.0.1:0', upstream: 'http://127.0.0.1:9', upgrades: [name] };
      await expect(gatewayOf({ proxy })).rejects.toThrow('proxy.upgrades: ');
    },
  );
});
