import { request as httpsRequest } from 'node:https';
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

describe('places to listen at', () => {
  const egressAt = (listen: string, port: number) => ({
    listen,
    origin: `http://127.0.0.1:${port}`,
    credential: 'a',
    secret: 'env:SECRET',
  });

  it('come and go, and those that stay keep their connections', async () => {
    const [a, b] = [await untilTestEnds(service()), await untilTestEnds(service())];
    const [first, second] = [await freePort(), await freePort()];
    const { gateway, write } = await gatewayOf({
      egress: [egressAt(`127.0.0.1:${first}`, a.port), egressAt(`127.0.0.1:${second}`, b.port)],
    });
    const wire = await Wire.open(second);
    const ask = async () => {
      wire.write(`GET /x HTTP/1.1\r\nHost: 127.0.0.1:${second}\r\n\r\n`);
      return (await wire.reply()).status;
    };
    expect(await ask()).toBe(200);
    write({ egress: [egressAt(`127.0.0.1:${second}`, b.port)] });
    await gateway.reload();
    expect(Object.keys(gateway.addresses)).toEqual(['egress[0]']);
    expect([await ask(), b.got.length, a.got.length]).toEqual([200, 2, 0]);
    await expect(Wire.open(first)).rejects.toThrow();
    wire.socket.destroy();
  });

  it('answer what still comes over connections of one that has gone', async () => {
    const behind = await untilTestEnds(
      service((_, response) => setTimeout(() => response.end('late'), 300)),
    );
    const egress = [egressAt('127.0.0.1:0', 9)];
    const { gateway, port, write } = await gatewayOf({ proxy: proxyOf(behind.port), egress });
    const wire = await Wire.open(port('proxy'));
    wire.write(signedRequest({ now }));
    await expect.poll(() => behind.got.length).toBe(1);
    write({ egress });
    await gateway.reload();
    wire.write(signedRequest({ now }));
    expect((await wire.reply()).body).toBe('late');
    expect((await wire.reply()).status).toBe(503);
    await wire.closed();
    expect(behind.got).toHaveLength(1);
  });
});

describe('a new configuration', () => {
  it('cuts nothing off: not a request, not a body on its way, not a WebSocket', async () => {
    const port = await freePort();
    const echo = new WebSocketServer({ port, host: '127.0.0.1' });
    echo.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}!`)));
    onTestFinished(() => void echo.close());
    const slow = await untilTestEnds(
      service((_, response) => setTimeout(() => response.end('old'), 300)),
    );
    const fresh = await untilTestEnds(service((_, response) => response.end('new')));
    const configOf = (upstream: number, more = {}) => ({
      proxy: proxyOf(upstream, { stream: { routes: ['POST /stream'] } }),
      ...more,
    });
    const tried = await gatewayOf(configOf(port));
    const at = tried.port('proxy');
    const socket = new WebSocket(`ws://127.0.0.1:${at}/`, { headers: headersFor() });
    const messages: string[] = [];
    socket.on('message', (data) => messages.push(`${data}`));
    await new Promise((resolve) => socket.once('open', resolve));

    tried.write(configOf(slow.port));
    await tried.gateway.reload();
    const asking = await Wire.open(at);
    asking.write(signedRequest({ now }));
    await expect.poll(() => slow.got.length).toBe(1);
    const url = 'https://api.example.com/stream';
    const body = Buffer.alloc(100_000, 'countersign');
    const bytes = toHttp1(signedRequest({ now, method: 'POST', url, body }));
    const sending = await Wire.open(at);
    sending.write(bytes.subarray(0, 50_000));
    await new Promise((resolve) => setTimeout(resolve, 50));

    tried.write(configOf(fresh.port, { presigned: true }));
    await tried.gateway.reload();
    sending.write(bytes.subarray(50_000));
    expect((await asking.reply()).body).toBe('old');
    expect((await sending.reply()).body).toBe('old');
    expect(slow.got.map((got) => got.body.length)).toEqual([0, body.length]);
    asking.write(signedRequest({ now }));
    expect((await asking.reply()).body).toBe('new');
    socket.send('still');
    await expect.poll(() => messages).toEqual(['still!']);
    socket.close();
    for (const wire of [asking, sending]) wire.socket.destroy();
  });
});

describe('a certificate', () => {
  it('that is new is shown to new connections; one that is broken is not taken', async () => {
    const behind = await untilTestEnds(service());
    const first = await selfSignedCertificate(folder());
    const second = await selfSignedCertificate(folder());
    const configOf = (cert: string, key: string, more = {}) => ({
      proxy: proxyOf(behind.port, { tls: { cert, key } }),
      ...more,
    });
    const { gateway, port, write } = await gatewayOf(configOf(first.certFile, first.keyFile));
    const shown = () =>
      new Promise<Buffer>((resolve, reject) => {
        const at = { port: port('proxy'), host: '127.0.0.1', rejectUnauthorized: false };
        const asking = httpsRequest({ ...at, headers: headersFor(), agent: false }, (response) => {
          const { raw } = (
            response.socket as never as { getPeerCertificate(): { raw: Buffer } }
          ).getPeerCertificate();
          response.resume().on('end', () => resolve(raw));
        });
        asking.on('error', reject).end();
      });
    const one = await shown();
    write(configOf(second.certFile, first.keyFile));
    await expect(gateway.reload()).rejects.toThrow(
      /gateway\.yaml:1:\d+: proxy\.tls: cannot be used \(key values mismatch\)/,
    );
    expect((await shown()).equals(one)).toBe(true);
    write(configOf(second.certFile, second.keyFile, { admin: { listen: '192.0.2.1:1' } }));
    await expect(gateway.reload()).rejects.toThrow('admin.listen');
    expect((await shown()).equals(one)).toBe(true);
    write(configOf(second.certFile, second.keyFile));
    await gateway.reload();
    expect((await shown()).equals(one)).toBe(false);
  });
});
