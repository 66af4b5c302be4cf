import { request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import {
  freePort,
  selfSignedCertificate,
  startFaultProxy,
  useRedis,
} from '@countersign/test-servers';
import { signedRequest, toHttp1, Wire } from '@countersign/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { about, outcome } from './forward-auth-asking.js';
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

const egressAt = (listen: string, port: number) => ({
  listen,
  origin: `http://127.0.0.1:${port}`,
  credential: 'a',
  secret: 'env:SECRET',
});

describe('places to listen at', () => {
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

describe('a new configuration, while another listener is at work,', () => {
  it('has a request that is to be signed go where it was to go', async () => {
    const old = await untilTestEnds(service((_, response) => response.end('old')));
    const fresh = await untilTestEnds(service((_, response) => response.end('new')));
    const at = await freePort();
    const configOf = (port: number) => ({ egress: [egressAt(`127.0.0.1:${at}`, port)] });
    const { gateway, write } = await gatewayOf(configOf(old.port));
    const wire = await Wire.open(at);
    wire.write(`POST /x HTTP/1.1\r\nHost: 127.0.0.1:${at}\r\nContent-Length: 4\r\n\r\nbo`);
    await delay(200);
    write(configOf(fresh.port));
    await gateway.reload();
    await delay(50);
    wire.write('dy');
    expect((await wire.reply()).body).toBe('old');
    wire.write(`GET /x HTTP/1.1\r\nHost: 127.0.0.1:${at}\r\n\r\n`);
    expect((await wire.reply()).body).toBe('new');
    expect(old.got.map(({ body }) => `${body}`)).toEqual(['body']);
    wire.socket.destroy();
  });

  it('leaves a forward-auth endpoint the stores that it waits for', async () => {
    const redis = await useRedis();
    const between = await startFaultProxy(Number(new URL(redis.url).port));
    onTestFinished(async () => {
      await between.close();
      await redis.close();
    });
    const configOf = (more = {}) => ({
      forwardAuth: { listen: '127.0.0.1:0' },
      rateLimits: {
        redis: `redis://127.0.0.1:${between.port}`,
        limits: [{ requests: 100, seconds: 60 }],
      },
      ...more,
    });
    const { gateway, port, write } = await gatewayOf(configOf());
    const decided = () => outcome(port('forwardAuth'), about(signedRequest({ now })));
    await expect.poll(decided).toBe('200');
    await between.set('hang');
    const asked = decided();
    await delay(100);
    write(configOf({ presigned: true }));
    await gateway.reload();
    await delay(50);
    await between.set('pass');
    expect(await asked).toBe('200');
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
