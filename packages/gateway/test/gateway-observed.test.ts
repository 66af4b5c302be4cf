import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileLimit } from '@countersign/test-servers';
import { signedRequest, Wire, withAddedHeader } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { openAudit } from '../src/observe/audit.js';
import type { DecisionRecord } from '../src/observe/record.js';
import { folder, gatewayOf } from './gateway-rig.js';
import { listening, service, untilTestEnds } from './proxy-rig.js';

const now = () => Date.now();
const ELSEWHERE = { url: 'https://elsewhere.example/' };
async function ask(port: number, options = {}, from?: string) {
  const wire = await Wire.open(port);
  try {
    const view = signedRequest({ now, ...options });
    const sent = from === undefined ? view : withAddedHeader(view, 'X-Forwarded-For', from);
    return await wire.write(sent).reply();
  } finally {
    wire.socket.destroy();
  }
}
const proxyOf = (port: number, more = {}) => ({
  listen: '127.0.0.1:0',
  upstream: `http://127.0.0.1:${port}`,
  ...more,
});
const recordsIn = (directory: string, file = 'audit.log') =>
  readFileSync(join(directory, file), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"verdict"'))
    .map((line) => JSON.parse(line));
const penalties = { refusals: 3, seconds: 60, away: 60 };

describe('penalties', () => {
  it('keep an address away that was refused too often, and tell', async () => {
    const behind = await untilTestEnds(service());
    const { port, said } = await gatewayOf({ proxy: proxyOf(behind.port), penalties });
    const at = port('proxy');
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await ask(at, ELSEWHERE)).status);
    expect(statuses).toEqual([421, 421, 421, 429, 429]);
    const reply = await ask(at);
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '60']);
    expect(said.join('')).toContain('"kind":"address"');
    expect(said.join('')).toContain('"kind":"credential"');
    const upgraded = new WebSocket(`ws://127.0.0.1:${at}/`);
    const status = await new Promise((resolve) =>
      upgraded
        .on('error', () => {})
        .once('unexpected-response', (request, { statusCode }) => {
          request.destroy();
          resolve(statusCode);
        }),
    );
    expect(status).toBe(429);
    expect(behind.got).toEqual([]);
  });

  it('end when their time is over', async () => {
    const behind = await untilTestEnds(service());
    const { port } = await gatewayOf({
      proxy: proxyOf(behind.port),
      penalties: { ...penalties, away: 1 },
    });
    for (let i = 0; i < 3; i++) await ask(port('proxy'), ELSEWHERE);
    expect((await ask(port('proxy'))).status).toBe(429);
    await expect.poll(async () => (await ask(port('proxy'))).status, { timeout: 5_000 }).toBe(200);
  });

  it('are off unless given', async () => {
    const behind = await untilTestEnds(service());
    const { port } = await gatewayOf({ proxy: proxyOf(behind.port) });
    for (let i = 0; i < 30; i++) await ask(port('proxy'), ELSEWHERE);
    expect((await ask(port('proxy'))).status).toBe(200);
  });

  it('hold the caller to account, not the proxy that it came by', async () => {
    const behind = await untilTestEnds(service());
    const { port, directory, gateway } = await gatewayOf({
      proxy: proxyOf(behind.port),
      trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'],
      penalties,
    });
    const at = port('proxy');
    // What stands before the last proxy that is trusted is anybody's word.
    const spoofing = '192.0.2.9, 192.0.2.1, 10.1.1.1';
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await ask(at, ELSEWHERE, spoofing)).status);
    expect(statuses).toEqual([421, 421, 421, 429]);
    expect((await ask(at, {}, '192.0.2.1')).status).toBe(429);
    expect((await ask(at, {}, '192.0.2.9')).status).toBe(200);
    for (let i = 0; i < 4; i++) statuses.push((await ask(at, ELSEWHERE)).status);
    expect(statuses.slice(4)).toEqual([421, 421, 421, 421]);
    await gateway.close();
    expect(recordsIn(directory)[0]).toMatchObject({
      code: 'host_not_allowed',
      address: '192.0.2.1',
    });
  });
});

describe('the log', () => {
  it('is written anew once the system has moved it away', async () => {
    const behind = await untilTestEnds(service());
    const { gateway, port, directory } = await gatewayOf({ proxy: proxyOf(behind.port) });
    await ask(port('proxy'), { url: 'https://api.example.com/before' });
    await expect.poll(() => existsSync(join(directory, 'audit.log'))).toBe(true);
    renameSync(join(directory, 'audit.log'), join(directory, 'audit.log.1'));
    await ask(port('proxy'), { url: 'https://api.example.com/moved' });
    gateway.reopenLog();
    await expect.poll(() => existsSync(join(directory, 'audit.log'))).toBe(true);
    await ask(port('proxy'), { url: 'https://api.example.com/after' });
    await gateway.close();
    const paths = (file: string) => recordsIn(directory, file).map(({ path }) => path);
    expect([...paths('audit.log.1'), ...paths('audit.log')]).toEqual([
      '/before',
      '/moved',
      '/after',
    ]);
    expect(paths('audit.log')).toContain('/after');
  });

  it('has no password of a target that names a user', async () => {
    const { gateway, port, directory } = await gatewayOf({ proxy: proxyOf(9) });
    const targets = ['http://me:hidden@api.example.com/a?b', 'HTTPS://hi?dden@x/a', '//hidden@x/a'];
    for (const target of targets) {
      const wire = await Wire.open(port('proxy'));
      const sent = wire.write(`GET ${target} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`);
      expect((await sent.reply()).status).toBeGreaterThanOrEqual(400);
      wire.socket.destroy();
    }
    await gateway.close();
    const text = readFileSync(join(directory, 'audit.log'), 'utf8');
    expect(text).not.toMatch(/hid|den@/);
    expect(recordsIn(directory).map(({ path }) => path)).toEqual([
      'http://api.example.com/a',
      'HTTPS://x/a',
      '//x/a',
    ]);
  });

  it('that cannot be written is told at once, and leaves the old one', async () => {
    const behind = await untilTestEnds(service());
    const proxy = proxyOf(behind.port);
    const log = { audit: { to: '/dev/null/audit.log' } };
    await expect(gatewayOf({ proxy, ...log })).rejects.toThrow(
      /gateway\.yaml:1:\d+: audit\.to: cannot write \/dev\/null\/audit\.log \(E\w+\)/,
    );
    const { gateway, port, write, directory } = await gatewayOf({ proxy });
    write({ proxy, ...log });
    await expect(gateway.reload()).rejects.toThrow('audit.to: cannot write');
    expect((await ask(port('proxy'), { url: 'https://api.example.com/still' })).status).toBe(200);
    write({ proxy, audit: { to: 'below/other.log' } }); // relative to the configuration
    await gateway.reload();
    expect((await ask(port('proxy'), { url: 'https://api.example.com/other' })).status).toBe(200);
    await gateway.close();
    expect(recordsIn(directory).map(({ path }) => path)).toEqual(['/still']);
    expect(recordsIn(join(directory, 'below'), 'other.log').map(({ path }) => path)).toEqual([
      '/other',
    ]);
  });

  it.runIf(process.platform === 'linux')(
    'holds 16 MiB of what finds no room, no more, and goes on once there is room',
    async () => {
      const path = join(folder(), 'audit.log');
      const audit = openAudit(path);
      await expect.poll(() => existsSync(path)).toBe(true);
      const record = { verdict: 'refused', status: 401, path: 'x'.repeat(100_000) };
      await fileLimit('100000');
      try {
        for (let i = 0; i < 320; i++) {
          audit.write(record as DecisionRecord);
          if (i % 10 === 0) await setTimeout(1);
        }
      } finally {
        await fileLimit('unlimited');
      }
      const size = () => statSync(path).size;
      await expect.poll(size, { timeout: 5_000 }).toBeGreaterThan(15e6);
      audit.write({ ...record, path: 'the last' } as DecisionRecord);
      await expect.poll(() => readFileSync(path, 'utf8'), { timeout: 5_000 }).toContain('the last');
      await audit.close();
      expect(size()).toBeLessThan(17e6);
      for (const { verdict } of recordsIn(dirname(path))) expect(verdict).toBe('refused');
    },
  );

  it.runIf(process.platform === 'linux')('that has no room is no reason not to end', async () => {
    const behind = await untilTestEnds(service());
    const audit = { to: '/dev/full' };
    const { gateway, port } = await gatewayOf({ proxy: proxyOf(behind.port), audit });
    expect((await ask(port('proxy'))).status).toBe(200);
    await setTimeout(1_500); // the first line was tried
    expect((await ask(port('proxy'))).status).toBe(200);
    await gateway.close();
  });

  it('has the bytes of every kind of body, and what could not be passed on', async () => {
    const behind = await untilTestEnds(service((_, response) => response.end('four')));
    const { gateway, port, directory } = await gatewayOf({
      proxy: proxyOf(behind.port, { memoryBytes: 1000, stream: { routes: ['POST /stream'] } }),
    });
    const body = 'x'.repeat(5_000);
    for (const [path, sent] of [
      ['/memory', 'x'],
      ['/spooled', body],
      ['/stream', body],
    ]) {
      const url = `https://api.example.com${path}`;
      expect((await ask(port('proxy'), { method: 'POST', url, body: sent })).status).toBe(200);
    }
    await behind.close();
    expect((await ask(port('proxy'))).status).toBe(502);
    await gateway.close();
    expect(recordsIn(directory)).toMatchObject([
      { bytesIn: 1, bytesOut: 4, upstream: `http://127.0.0.1:${behind.port}` },
      { bytesIn: 5_000, bytesOut: 4 },
      { bytesIn: 5_000, bytesOut: 4, upstreamMs: expect.any(Number), ms: expect.any(Number) },
      { verdict: 'accepted', code: 'upstream_unavailable', status: 502, bytesOut: 0 },
    ]);
    for (const { time, id } of recordsIn(directory)) {
      expect(Number.isNaN(Date.parse(time))).toBe(false);
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('has the id by which the service knows a request, and what it passed on of its trace', async () => {
    const behind = await untilTestEnds(service());
    const { gateway, port, directory } = await gatewayOf({ proxy: proxyOf(behind.port) });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await ask(port('proxy'), { headers: { traceparent } });
    await gateway.close();
    const headers = behind.got[0]?.headers ?? [];
    const sent = (name: string) =>
      headers[headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name) + 1];
    expect(recordsIn(directory)).toMatchObject([{ id: sent('x-request-id'), traceparent }]);
    expect(sent('traceparent')).toBe(traceparent);
  });
});

describe('what the service does with the caller gone', () => {
  it('is let go as well', async () => {
    let aborted = false;
    const behind = await untilTestEnds(
      listening(
        createServer((_, response) => {
          response.write('some');
          response.on('close', () => {
            aborted = true;
          });
        }),
      ),
    );
    const { port } = await gatewayOf({ proxy: proxyOf(behind.port) });
    const wire = await Wire.open(port('proxy'));
    wire.write(signedRequest({ now }));
    await new Promise((resolve) => wire.socket.once('data', resolve));
    wire.socket.destroy();
    await expect.poll(() => aborted).toBe(true);
  });
});
