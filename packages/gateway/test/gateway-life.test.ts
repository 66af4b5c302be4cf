import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { freePort, selfSignedCertificate } from '@countersign/test-servers';
import { signedRequest, toHttp1, Wire } from '@countersign/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { folder, gatewayOf } from './gateway-rig.js';
import { service, untilTestEnds } from './proxy-rig.js';

const now = () => Date.now();
const proxyOf = (port: number, more = {}) => ({
  listen: '127.0.0.1:0',
  upstream: `http://127.0.0.1:${port}`,
  ...more,
});
const headersFor = () => {
  const { headers } = signedRequest({ now });
  return Object.fromEntries(
    headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] as string]] : [])),
  );
};

describe('the end', () => {
  it('comes though a WebSocket stays open, once the time for it is over', async () => {
    const port = await freePort();
    const echo = new WebSocketServer({ port, host: '127.0.0.1' });
    echo.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}!`)));
    onTestFinished(() => void echo.close());
    const tried = await gatewayOf({ proxy: proxyOf(port), drain: 1 });
    const socket = new WebSocket(`ws://127.0.0.1:${tried.port('proxy')}/`, {
      headers: headersFor(),
    });
    const messages: string[] = [];
    const gone = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
    socket.on('message', (data) => messages.push(`${data}`));
    await new Promise((resolve) => socket.once('open', resolve));
    const start = performance.now();
    const closing = tried.gateway.close();
    socket.send('still');
    await expect.poll(() => messages).toEqual(['still!']);
    await closing;
    expect(performance.now() - start).toBeGreaterThan(900);
    await gone;
  });

  it('comes though an answer over TLS takes longer than it has', async () => {
    const behind = await untilTestEnds(service((_, response) => void response.write('never')));
    const { certFile, keyFile } = await selfSignedCertificate(folder());
    const tls = { cert: certFile, key: keyFile };
    const { gateway, port } = await gatewayOf({ proxy: proxyOf(behind.port, { tls }), drain: 1 });
    const at = port('proxy');
    const socket = connectTls({ port: at, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.write(toHttp1(signedRequest({ now })));
    await new Promise((resolve) => socket.once('data', resolve));
    await gateway.close();
    await gone;
  });

  it('closes idle connections at once, over TLS too', async () => {
    const behind = await untilTestEnds(service());
    const { certFile, keyFile } = await selfSignedCertificate(folder());
    const tls = { cert: certFile, key: keyFile };
    const { gateway, port } = await gatewayOf({ proxy: proxyOf(behind.port, { tls }), drain: 10 });
    const socket = connectTls({
      port: port('proxy'),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.write(toHttp1(signedRequest({ now })));
    await new Promise((resolve) => socket.once('data', resolve));
    const start = performance.now();
    await gateway.close();
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('is told by readyz while requests are waited for', async () => {
    const behind = await untilTestEnds(
      service((_, response) => setTimeout(() => response.end('late'), 500)),
    );
    const admin = { listen: '127.0.0.1:0' };
    const { gateway, port } = await gatewayOf({ proxy: proxyOf(behind.port), admin });
    const [at, asked] = [port('proxy'), port('admin')];
    const wire = await Wire.open(at);
    wire.write(signedRequest({ now }));
    await expect.poll(() => behind.got.length).toBe(1);
    const closing = gateway.close();
    const ready = await fetch(`http://127.0.0.1:${asked}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { status: 'unavailable' }]);
    expect((await fetch(`http://127.0.0.1:${asked}/healthz`)).status).toBe(200);
    expect((await wire.reply()).body).toBe('late');
    wire.socket.destroy();
    await closing;
    await expect(Wire.open(asked)).rejects.toThrow();
  });
});

describe('the beginning', () => {
  it('answers whoever was there before it', async () => {
    const behind = await untilTestEnds(service());
    const at = await freePort();
    const replies: Promise<string>[] = [];
    let over = false;
    // Whoever calls without a pause finds the port the moment it is there.
    const calling = (async () => {
      while (!over) {
        const socket = await new Promise<Socket | undefined>((resolve) => {
          const trying = connect(at, '127.0.0.1', () => resolve(trying));
          trying.on('error', () => resolve(undefined));
        });
        if (socket === undefined) continue;
        replies.push(
          new Promise((resolve) => {
            socket.setTimeout(3_000, () => socket.destroy());
            socket.once('data', (piece) => resolve(`${piece}`.slice(0, 12)));
            socket.once('close', () => resolve('no answer'));
          }),
        );
        socket.write(toHttp1(signedRequest({ now })));
      }
    })();
    const { gateway } = await gatewayOf({
      proxy: proxyOf(behind.port, { listen: `127.0.0.1:${at}` }),
      forwardAuth: { listen: '127.0.0.1:0' },
      admin: { listen: '127.0.0.1:0' },
      egress: Array.from({ length: 8 }, () => ({
        listen: 'localhost:0', // looked up while the proxy listens already
        origin: 'http://127.0.0.1:9',
        credential: 'a',
        secret: 'env:SECRET',
      })),
    });
    await expect.poll(() => replies.length).toBeGreaterThan(3);
    over = true;
    await calling;
    expect(new Set(await Promise.all(replies))).toEqual(new Set(['HTTP/1.1 200']));
    await gateway.close();
  });
});
