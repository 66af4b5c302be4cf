import { setTimeout as delay } from 'node:timers/promises';
import {
  type FaultProxy,
  type Redis,
  redisCommand,
  startFaultProxy,
  startRedis,
} from '@countersign/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

let redis: Redis;
let proxy: FaultProxy;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  proxy = await startFaultProxy(redis.port);
});
afterEach(() => proxy.close());

const ask = (...command: string[]) => redisCommand(proxy.port, command);

it('passes bytes on, and counts', async () => {
  expect(await ask('ECHO', 'a')).toBe('a');
  expect([proxy.connections, proxy.sent]).toEqual([1, '*2\r\n$4\r\nECHO\r\n$1\r\na\r\n'.length]);
});

it('refuse: nobody listens, until somebody does again', async () => {
  await proxy.set('refuse');
  await expect(ask('PING')).rejects.toThrow('ECONNREFUSED');
  await proxy.set('pass');
  expect(await ask('PING')).toBe('PONG');
});

it('hang: nothing moves, and what is held moves on', async () => {
  await proxy.set('hang');
  const asked = ask('INCR', 'held');
  await delay(30);
  expect(await redis.command('GET', 'held')).toBe(null);
  await proxy.set('pass');
  expect(await asked).toBe(1);
});

it('resetBefore and loseReply: the server has not, and has, been asked', async () => {
  await proxy.set('resetBefore');
  await expect(ask('INCR', 'before')).rejects.toThrow();
  expect(await redis.command('GET', 'before')).toBe(null);
  await proxy.set('loseReply');
  await expect(ask('INCR', 'after')).rejects.toThrow();
  expect(await redis.command('GET', 'after')).toBe('1');
});

it('slow, alter and respond', async () => {
  await proxy.set({ kind: 'slow', milliseconds: 60 });
  const begin = performance.now();
  expect(await ask('PING')).toBe('PONG');
  expect(performance.now() - begin).toBeGreaterThan(50);
  await proxy.set({ kind: 'alter', alter: () => Buffer.from('+OTHER\r\n') });
  expect(await ask('PING')).toBe('OTHER');
  const respond = (request: Buffer) =>
    request.includes('SET') ? Buffer.from('-LOADING\r\n') : undefined;
  await proxy.set({ kind: 'respond', respond });
  await expect(ask('SET', 'unseen', '1')).rejects.toThrow('LOADING');
  expect(await ask('GET', 'unseen')).toBe(null);
});
