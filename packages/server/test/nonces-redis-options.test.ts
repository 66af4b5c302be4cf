import { redisNonceStore } from '@countersign/server/nonces/redis';
import { type Redis, startRedis } from '@countersign/test-servers';
import { Cluster, Redis as Ioredis } from 'ioredis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { createClient as createClient6, createClientPool as createPool6 } from 'redis-newest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newNonce, second } from './nonces-faults.js';

let redis: Redis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

/** What is thrown for options, as text. */
function thrown(options: object): string {
  try {
    redisNonceStore(options as never);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}

const client = createClient();

it.each<[string, readonly unknown[]]>([
  ['skew', [0, -1, 1.5, 3_601, Number.NaN, '300', null, false]],
  ['clockMargin', [0, -1, 1.5, 3_601, Number.NaN, '60', null, false]],
  ['deadline', [0, -1, 0.5, 10_001, Number.NaN, Infinity, '250', null]],
  ['start', ['', 'Fresh', 'none', false, 0, null]],
  ['now', [0, '', null, {}]],
  ['prefix', ['', ' ', 'a b', 'é', 'a\n', 'x'.repeat(65), 1, null, false]],
  ['onWarning', ['log', null, true, {}]],
  [
    'wait',
    [null, true, 1, {}, { replicas: 1 }, { timeout: 1 }, { replicas: 0, timeout: 1 }]
      .concat([
        { replicas: 1, timeout: 0 },
        { replicas: 1, timeout: 250 },
      ] as never)
      .concat([
        { replicas: 1, timeout: 1, more: 1 },
        { replicas: '1', timeout: 1 },
      ] as never),
  ],
  ['client', [undefined, null, {}, [], 'redis://localhost', () => {}, new Map(), createClient]],
  ['prefx', ['a']],
])('a bad option is refused by name: %s', (option, values) => {
  for (const value of values) {
    const message = thrown({ client, [option]: value });
    expect([value, message.slice(0, option.length + 2)]).toEqual([value, `${option}: `]);
  }
});

it('takes each kind of client that it knows, whether it is connected yet or not', () => {
  const lazy = { lazyConnect: true, retryStrategy: () => null } as const;
  const clients = [
    client,
    createClient6(),
    createCluster({ rootNodes: [] }),
    createSentinel({ name: 'main', sentinelRootNodes: [] }),
    new Ioredis(redis.port, lazy),
    new Cluster([redis.port], { ...lazy, clusterRetryStrategy: () => null }),
  ];
  for (const each of clients) {
    const store = redisNonceStore({ client: each });
    expect(store.skew).toBe(300);
    expect(store.claim('a', newNonce(), second(300))).toBe('unavailable');
    if (each instanceof Ioredis || each instanceof Cluster) each.disconnect();
  }
});

it('refuses a pool of clients, which queues', () => {
  for (const pool of [createClientPool(), createPool6()]) {
    expect(thrown({ client: pool })).toMatch(/^client: a pool/);
  }
});

it('refuses to wait for the replicas of a cluster', () => {
  const cluster = createCluster({ rootNodes: [] });
  expect(thrown({ client: cluster, wait: { replicas: 1, timeout: 10 } })).toMatch(/^wait: not/);
});

it('a client of ioredis that waits for its first command is woken', async () => {
  const lazy = new Ioredis(redis.port, { lazyConnect: true });
  const store = redisNonceStore({ client: lazy, start: 'fresh' });
  await expect.poll(() => store.claim('a', newNonce(), second(300))).toBe('fresh');
  lazy.disconnect();
});

it('nothing that is no time is fresh, and nothing that expires in more than eight days', async () => {
  const connected = await createClient({ url: redis.url }).connect();
  const store = redisNonceStore({ client: connected, start: 'fresh' });
  const claim = (expiresAt: unknown) =>
    Reflect.apply(store.claim, store, ['a', newNonce(), expiresAt]);
  for (const odd of [Number.NaN, undefined, Infinity, -Infinity, null, 'x', {}, 0]) {
    expect([odd, await claim(odd)]).toEqual([odd, 'unavailable']);
  }
  expect(await claim(second(8 * 86_400))).toBe('unavailable');
  expect(await claim(second(8 * 86_400 - 120))).toBe('fresh');
  expect(await claim(second(-62))).toBe('unavailable');
  let now = Number.NaN;
  const broken = redisNonceStore({ client: connected, start: 'fresh', now: () => now });
  expect(await broken.claim('a', newNonce(), second(300))).toBe('unavailable');
  now = Date.now();
  expect(await broken.claim('a', newNonce(), second(300))).toBe('fresh');
  connected.destroy();
});
