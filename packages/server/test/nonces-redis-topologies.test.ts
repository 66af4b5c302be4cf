import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { redisNonceStore } from '@countersign/server/nonces/redis';
import {
  type Redis,
  type RedisCluster,
  type RedisSentinel,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@countersign/test-servers';
import { fakeClock } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { claimTimed, decided, newNonce, second, untilFresh } from './nonces-faults.js';
import { CLUSTER, closeOpened, SENTINEL, STANDALONE } from './nonces-redis-clients.js';

const DEADLINE = 100; // ms

afterEach(closeOpened);

describe('cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.close());

  const storesOf = (options: { readonly deadline: number }) =>
    Promise.all(
      CLUSTER.map(async ([name, open]) => {
        const { client } = await open(cluster);
        const store = redisNonceStore({ client, start: 'fresh', ...options });
        await untilFresh(store);
        return { name, store };
      }),
    );

  it('a server that hangs silences its own keys only, and answers when it wakes', async () => {
    // Long enough for a busy machine not to silence those that are awake.
    const deadline = 300;
    const stores = await storesOf({ deadline });
    const [asleep] = cluster.masters as readonly [Redis];
    const counts = new Map<string, number>();
    const before = Number(await asleep.command('DBSIZE'));
    // So many claims at once are told by a timer each, and a busy machine is late to either.
    const stalls = monitorEventLoopDelay({ resolution: 5 });
    stalls.enable();
    const lates: number[] = [];
    process.kill(asleep.pid as number, 'SIGSTOP');
    try {
      await Promise.all(
        stores.map(async ({ name, store }) => {
          let fresh = 0;
          for (let round = 0; round < 4; round++) {
            const claims = Array.from({ length: 90 }, () =>
              claimTimed(store, newNonce(), deadline),
            );
            for (const { verdict, late } of await Promise.all(claims)) {
              expect(verdict).toMatch(/^(fresh|unavailable)$/);
              lates.push(late);
              if (verdict === 'fresh') fresh++;
            }
          }
          counts.set(name, fresh);
        }),
      );
    } finally {
      process.kill(asleep.pid as number, 'SIGCONT');
    }
    stalls.disable();
    expect(Math.max(...lates) - (2 * stalls.max) / 1e6).toBeLessThan(100);
    for (const [name, fresh] of counts) {
      // Two thirds of 360, by chance a few more or less.
      expect(fresh, name).toBeGreaterThan(180);
      expect(fresh, name).toBeLessThan(300);
    }
    for (const { store } of stores) {
      for (let i = 0; i < 20; i++) await untilFresh(store);
      await store.health();
    }
    // Of the claims for it, 30 in each of 4 rounds by each of 4 clients, those of the first round were on their way.
    expect(Number(await asleep.command('DBSIZE')) - before).toBeLessThan(300);
  });

  it('a server that is killed and comes back empty: what it had is not fresh', async () => {
    const [, killed] = cluster.masters as readonly [Redis, Redis];
    const clock = fakeClock(Date.now());
    const date = second(1);
    const stores = await Promise.all(
      CLUSTER.map(async ([name, open]) => {
        const { client } = await open(cluster);
        const store = redisNonceStore({
          client,
          deadline: DEADLINE,
          prefix: `${name.replace(' ', '-')}:`,
          onWarning: () => {},
          now: clock.now,
        });
        const used: string[] = [];
        for (let i = 0; i < 30; i++) used.push(await untilFresh(store, date + 300));
        return { store, used };
      }),
    );
    clock.advance(5_000);
    await killed.stop('SIGKILL');
    await killed.start();
    await Promise.all(
      stores.map(async ({ store, used }) => {
        const begin = performance.now();
        for (let fresh = 0; fresh < 30; ) {
          for (const nonce of used) {
            expect(await store.claim('a', nonce, date + 300)).not.toBe('fresh');
          }
          if ((await store.claim('a', newNonce(), second(310))) === 'fresh') fresh++;
          if (performance.now() > begin + 15_000) throw new Error('it does not recover');
          await delay(5);
        }
      }),
    );
  }, 20_000);

  it('CLUSTERDOWN: slots that nobody serves are unavailable until somebody does', async () => {
    const stores = await storesOf({ deadline: DEADLINE });
    const [first] = cluster.masters as readonly [Redis];
    const slots = Array.from({ length: 5_461 }, (_, slot) => `${slot}`);
    const used = Array.from({ length: 60 }, newNonce);
    const claimAll = async (index: number) => {
      const { store } = stores[index] as { store: ReturnType<typeof redisNonceStore> };
      const claims = used.map((nonce) => store.claim(`${index}`, nonce, second(300)));
      return new Set(await Promise.all(claims));
    };
    for (const index of stores.keys()) expect(await claimAll(index)).toEqual(new Set(['fresh']));
    await first.command('CLUSTER', 'DELSLOTS', ...slots);
    for (const index of stores.keys()) {
      const verdicts = await claimAll(index);
      expect(verdicts.has('unavailable')).toBe(true);
      expect(verdicts.has('fresh')).toBe(false);
    }
    await first.command('CLUSTER', 'ADDSLOTS', ...slots);
    for (const index of stores.keys()) {
      await expect.poll(() => claimAll(index), { timeout: 8_000 }).toEqual(new Set(['replayed']));
    }
  });
});

describe('sentinel', () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await startRedisSentinel();
  });
  afterAll(() => sentinel.close());

  it.each(SENTINEL)('%s waits for a replica', async (_, open) => {
    const { client } = await open(sentinel);
    const wait = (replicas: number) =>
      redisNonceStore({ client, start: 'fresh', wait: { replicas, timeout: 50 } });
    const nonce = await untilFresh(wait(1));
    expect(await sentinel.replica.command('DBSIZE')).toBe(await sentinel.master.command('DBSIZE'));
    expect(await wait(2).claim('a', newNonce(), second(300))).toBe('unavailable');
    expect(await decided(wait(2), nonce)).toBe('replayed');
  });

  it('a failover: what was accepted before is never fresh, and service resumes', async () => {
    const clock = fakeClock(Date.now());
    const stores = await Promise.all(
      SENTINEL.map(async ([, open]) => {
        const { client } = await open(sentinel);
        const onWarning = () => {};
        return redisNonceStore({ client, deadline: DEADLINE, onWarning, now: clock.now });
      }),
    );
    const date = second(1);
    const used: string[] = [];
    for (const store of stores) used.push(await untilFresh(store, date + 300));
    clock.advance(5_000);
    await sentinel.master.stop('SIGKILL');
    const resumed = await Promise.all(
      stores.map(async (store, i) => {
        const begin = performance.now();
        while ((await store.claim('new', newNonce(), second(310))) !== 'fresh') {
          expect(await store.claim('a', used[i] as string, date + 300)).not.toBe('fresh');
          if (performance.now() > begin + 15_000) return false;
          await delay(5);
        }
        expect(await store.claim('a', used[i] as string, date + 300)).not.toBe('fresh');
        return true;
      }),
    );
    expect(resumed).toEqual([true, true, true, true]);
    // Whatever was lost: what was dated before the failover is not asked for any more.
    for (const store of stores) {
      expect(await store.claim('old', newNonce(), date + 300)).toBe('unavailable');
    }
  }, 30_000);
});

describe.each(STANDALONE)('%s', (_, open) => {
  it('with too few replicas nothing is fresh', async () => {
    const master = await startRedis();
    const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${master.port}` } });
    try {
      const { client } = await open(master.url);
      const wait = { replicas: 1, timeout: 50 };
      const store = redisNonceStore({ client, start: 'fresh', wait });
      await untilFresh(store);
      await replica.stop('SIGKILL');
      const nonce = newNonce();
      expect(await store.claim('a', nonce, second(300))).toBe('unavailable');
      expect(await decided(store, nonce)).toBe('replayed');
      await expect(store.health()).rejects.toThrow();
      await replica.start();
      await untilFresh(store);
    } finally {
      await Promise.all([master.close(), replica.close()]);
    }
  });
});
