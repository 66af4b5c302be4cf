import { staticKeys } from '@countersign/server';
import { type LimiterOptions, rateLimits } from '@countersign/server/rate-limits';
import { type Redis, startFaultProxy, startRedis } from '@countersign/test-servers';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { Redis as IoRedis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Rig, startRig } from './wire.js';

let redis: Redis;
beforeAll(async () => {
  redis = await startRedis();
}, 120_000);
afterAll(() => redis?.close());

const keys = staticKeys([{ ...TEST_KEY_ENTRY, group: 'partners' }]);
const limits = [
  { requests: 5, seconds: 60 },
  { requests: 8, seconds: 3600, per: 'group' as const },
];
let count = 0;
const fresh = () => `test:${count++}`;
const codes = (rig: Rig, times: number) =>
  Promise.all(Array.from({ length: times }, async () => (await rig.send(rig.view())).status));

function ioredis(port: number): (options: LimiterOptions) => RateLimiterRedis {
  const client = new IoRedis(port, '127.0.0.1', {
    enableOfflineQueue: false,
    retryStrategy: () => 50,
    lazyConnect: true,
  });
  client.on('error', () => {});
  client.connect().catch(() => {});
  onTestFinished(() => client.disconnect());
  return (options) => new RateLimiterRedis({ storeClient: client, ...options });
}

async function nodeRedis(): Promise<(options: LimiterOptions) => RateLimiterRedis> {
  const client = createClient({ url: redis.url, disableOfflineQueue: true });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.destroy());
  return (options) =>
    new RateLimiterRedis({ storeClient: client, useRedisPackage: true, ...options });
}

describe('rate limits on Redis', () => {
  it.each(['ioredis', 'redis'])('are shared by servers, in a race too (%s)', async (name) => {
    const limiter = name === 'redis' ? await nodeRedis() : ioredis(redis.port);
    const limitRate = rateLimits({ limiter, limits, prefix: fresh() });
    const rigs = [
      await startRig({ keys, limitRate, storeTimeout: 5_000 }),
      await startRig({ keys, limitRate, storeTimeout: 5_000 }),
    ];
    // The first answers may come before the client is ready: they are refused, and not counted.
    await expect.poll(async () => (await codes(rigs[0] as Rig, 1))[0]).toBe(200);
    const all = (await Promise.all(rigs.map((rig) => codes(rig, 10)))).flat();
    expect(all.filter((status) => status === 200)).toHaveLength(4);
    expect(all.filter((status) => status === 429)).toHaveLength(16);
  });

  it('refuse while Redis does not answer or is gone, and count again once it is back', async () => {
    const proxy = await startFaultProxy(redis.port);
    onTestFinished(() => proxy.close());
    const limiter = ioredis(proxy.port);
    // What hangs may be counted once it moves on.
    const wide = [{ requests: 1_000, seconds: 60 }];
    const limitRate = rateLimits({ limiter, limits: wide, prefix: fresh() });
    const rig = await startRig({ keys, limitRate, storeTimeout: 200 });
    await expect.poll(() => codes(rig, 1)).toEqual([200]);
    for (const fault of ['hang', 'refuse'] as const) {
      await proxy.set(fault);
      const start = performance.now();
      expect(await codes(rig, 3)).toEqual([429, 429, 429]);
      expect(performance.now() - start).toBeLessThan(1_000);
      await proxy.set('pass');
      await expect.poll(() => codes(rig, 1), { timeout: 10_000 }).toEqual([200]);
    }
    expect(rig.accepted).toHaveLength(3);
  });
});
