import { setTimeout as delay } from 'node:timers/promises';
import {
  type RedisNonceStoreOptions,
  type RedisWarning,
  redisNonceStore,
} from '@countersign/server/nonces/redis';
import { type Redis, startRedis } from '@countersign/test-servers';
import { fakeClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newNonce, second, untilFresh } from './nonces-faults.js';
import { closeOpened, STANDALONE } from './nonces-redis-clients.js';

let redis: Redis;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await closeOpened();
  await redis.close();
});

const SINCE = 'countersign:nonce:since';

describe.each(STANDALONE)('%s', (_, open) => {
  /** A store with a clock of its own, and what it warned of. */
  async function storeOf(options: Omit<RedisNonceStoreOptions, 'client'> = {}) {
    const { client } = await open(redis.url);
    const warnings: RedisWarning[] = [];
    const clock = fakeClock(Date.now());
    const onWarning = (warning: RedisWarning) => void warnings.push(warning);
    const store = redisNonceStore({
      client,
      onWarning,
      now: clock.now,
      deadline: 1_000,
      ...options,
    });
    /** A claim of what was dated so many seconds after the clock's present second. */
    const claim = (nonce: string, after: number) =>
      store.claim('a', nonce, Math.floor(clock.now() / 1000) + 300 + after);
    return { store, clock, claim, warnings: () => warnings.map(({ code }) => code) };
  }

  it('a restart that loses everything: what is dated up to then is refused', async () => {
    const { claim, store, warnings } = await storeOf();
    const used = newNonce();
    expect(await claim(used, 1)).toBe('fresh');
    await redis.stop('SIGKILL');
    await redis.start();
    const begun = Date.now();
    while ((await claim(newNonce(), 2)) !== 'fresh') {
      if (Date.now() > begun + 5_000) throw new Error('it does not recover');
      expect(await claim(used, 0)).toBe('unavailable');
      await delay(5);
    }
    expect(await claim(used, 0)).toBe('unavailable');
    expect(warnings()).toEqual(['data_in_doubt']);
    await store.health();
  });

  it('data that is flushed under it is missed within a second', async () => {
    const { clock, claim, warnings } = await storeOf();
    const used = newNonce();
    expect(await claim(used, 1)).toBe('fresh');
    await redis.command('FLUSHALL');
    clock.advance(1_000);
    // This claim is the reason to look, and does not wait for it.
    await claim(newNonce(), 9);
    await expect.poll(warnings).toEqual(['data_in_doubt']);
    expect(await claim(used, 0)).toBe('unavailable');
    expect(await claim(newNonce(), 1)).toBe('fresh');
  });

  it('strict refuses what is dated up to a skew later', async () => {
    const { claim } = await storeOf({ start: 'strict' });
    expect(await claim(newNonce(), 0)).toBe('unavailable');
    expect(await claim(newNonce(), 300)).toBe('unavailable');
    expect(await claim(newNonce(), 301)).toBe('fresh');
  });

  it('a store that comes later takes the beginning of the data from the mark', async () => {
    const first = await storeOf();
    expect(await first.claim(newNonce(), 0)).toBe('unavailable');
    expect(await first.claim(newNonce(), 1)).toBe('fresh');
    const later = await storeOf();
    later.clock.advance(100_000);
    expect(await later.claim(newNonce(), -98)).toBe('fresh');
    expect(await later.claim(newNonce(), -101)).toBe('unavailable');
    expect(later.warnings()).toEqual([]);
  });

  it('a store takes over what another one has noticed', async () => {
    const [one, other] = [await storeOf(), await storeOf()];
    expect(await one.claim(newNonce(), 1)).toBe('fresh');
    expect(await other.claim(newNonce(), 1)).toBe('fresh');
    await redis.command('FLUSHALL');
    other.clock.advance(50_000);
    await other.store.health();
    expect(await one.claim(newNonce(), 40)).toBe('fresh'); // not looked yet
    await one.store.health();
    expect(await one.claim(newNonce(), 40)).toBe('unavailable');
    expect(await one.claim(newNonce(), 51)).toBe('fresh');
  });

  it('a mark that cannot be read is none, and one that is no text stops everything', async () => {
    const { claim, store } = await storeOf();
    expect(await claim(newNonce(), 1)).toBe('fresh');
    await redis.command('SET', SINCE, '-1 x');
    await store.health();
    expect(await redis.command('GET', SINCE)).toMatch(/^\d{10} [0-9a-f]{40}$/);
    await redis.command('DEL', SINCE);
    await redis.command('LPUSH', SINCE, 'x');
    await expect(store.health()).rejects.toThrow('WRONGTYPE');
    const late = await storeOf();
    expect(await late.claim(newNonce(), 5)).toBe('unavailable');
    await redis.command('DEL', SINCE);
    expect(await late.claim(newNonce(), 5)).toBe('fresh');
  });

  it('warns once of a policy that evicts', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    const { store, warnings } = await storeOf({ start: 'fresh' });
    await untilFresh(store);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await delay(30);
    await untilFresh(store);
    expect(warnings()).toEqual(['evicts']);
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    const quiet = await storeOf({ start: 'fresh' });
    await untilFresh(quiet.store);
    expect(quiet.warnings()).toEqual([]);
  });

  it('a server that may not be asked who it is counts as new on every connection', async () => {
    // The ready check of ioredis asks too, and says on the console that it may not.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    await redis.command('ACL', 'SETUSER', 'default', '-info', '-echo');
    const { clock, claim, store, warnings } = await storeOf();
    expect(await claim(newNonce(), 1)).toBe('fresh');
    expect(warnings()).toEqual(['eviction_unknown']);
    clock.advance(10_000);
    await store.health();
    expect(await claim(newNonce(), -9)).toBe('fresh');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await expect.poll(() => claim(newNonce(), 1)).toBe('fresh');
    expect(await claim(newNonce(), -1)).toBe('unavailable');
  });

  it('keys say nothing of credentials and nonces, and live as long as they must', async () => {
    const { store } = await storeOf({ now: Date.now, start: 'fresh', clockMargin: 7 });
    const odd = ['a\r\nFLUSHALL\r\n', '', ' ', '{x}', '*', '\u{1f511}', 'é', 'x'.repeat(128)];
    for (const credential of odd) {
      for (const nonce of odd) {
        expect(await store.claim(credential, nonce, second(300))).toBe('fresh');
        expect(await store.claim(credential, nonce, second(300))).toBe('replayed');
      }
    }
    const keys = (await redis.command('KEYS', '*')) as readonly string[];
    expect(keys.length).toBe(odd.length ** 2 + 1);
    for (const key of keys.filter((key) => key !== SINCE)) {
      expect(key).toMatch(/^countersign:nonce:[\w-]{22}$/);
      const expiry = Number(await redis.command('PEXPIRETIME', key));
      expect(Math.abs(expiry - second(308) * 1000)).toBeLessThan(2_000);
    }
  });
});
