import {
  type RedisNonceStoreOptions,
  type RedisWarning,
  redisNonceStore,
} from '@countersign/server/nonces/redis';
import {
  type FaultProxy,
  type Redis,
  startFaultProxy,
  startRedis,
} from '@countersign/test-servers';
import { fakeClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newNonce, untilFresh } from './nonces-faults.js';
import { closeOpened, STANDALONE, through } from './nonces-redis-clients.js';

let redis: Redis;
let proxy: FaultProxy;
beforeEach(async () => {
  redis = await startRedis();
  proxy = await startFaultProxy(redis.port);
});
afterEach(async () => {
  await closeOpened();
  await proxy.close();
  await redis.close();
});

/** What the server says of its time is so many seconds more; whoever sets the clock of a machine needs rights. */
const clockAhead = (seconds: number) =>
  proxy.set({
    kind: 'alter',
    alter: (reply) =>
      Buffer.from(
        reply
          .toString('latin1')
          .replace(/(?<=server_time_usec:)\d+/, (time) => `${Number(time) + seconds * 1e6}`),
        'latin1',
      ),
  });

describe.each(STANDALONE)('%s', (_, open) => {
  async function storeOf(
    url: string,
    options: Partial<RedisNonceStoreOptions> = {},
    clock = fakeClock(Date.now()),
  ) {
    const { client } = await open(url);
    const warnings: string[] = [];
    const onWarning = ({ code, message }: RedisWarning) => {
      if (code === 'data_in_doubt') warnings.push(message);
    };
    const all = { client, onWarning, now: clock.now, deadline: 1_000, ...options };
    const store = redisNonceStore(all);
    /** A claim of what was dated so many seconds after the clock's present second. */
    const claim = (nonce: string, after: number) =>
      store.claim('a', nonce, Math.floor(clock.now() / 1000) + 300 + after);
    return { store, clock, claim, warnings };
  }

  it('a server whose clock was set ahead has forgotten too early: what is dated up to then is refused', async () => {
    const { store, clock, claim, warnings } = await storeOf(through(proxy));
    const other = await storeOf(redis.url, {}, clock);
    const used = newNonce();
    expect(await claim(used, 1)).toBe('fresh');
    expect(await other.claim(newNonce(), 1)).toBe('fresh');
    // Half of the margin is what a clock may be corrected by.
    await clockAhead(29);
    await store.health();
    expect([warnings, await claim(used, 1)]).toEqual([[], 'replayed']);
    await clockAhead(31);
    clock.advance(5_000);
    // What the time to live of the key has become.
    const keys = (await redis.command('KEYS', 'countersign:nonce:*')) as readonly string[];
    await redis.command('DEL', ...keys.filter((key) => !key.endsWith(':since')));
    await store.health();
    expect(warnings).toEqual([expect.stringMatching(/^the clock of a server was set ahead: /)]);
    expect(await claim(used, -4)).toBe('unavailable');
    expect(await claim(newNonce(), 0)).toBe('unavailable');
    expect(await claim(newNonce(), 1)).toBe('fresh');
    // It is told by the mark to those who have not seen it, and once.
    await other.store.health();
    expect(await other.claim(newNonce(), 0)).toBe('unavailable');
    expect(await other.claim(newNonce(), 1)).toBe('fresh');
    await store.health();
    expect([warnings.length, other.warnings.length]).toEqual([1, 0]);
  });

  it('it is not forgotten while that cannot be written down', async () => {
    const { store, clock, claim, warnings } = await storeOf(through(proxy), { clockMargin: 10 });
    expect(await claim(newNonce(), 1)).toBe('fresh');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await clockAhead(6);
    clock.advance(5_000);
    for (let i = 0; i < 2; i++) await expect(store.health()).rejects.toThrow('OOM');
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await store.health();
    expect(warnings).toHaveLength(1);
    expect(await claim(newNonce(), 0)).toBe('unavailable');
    await untilFresh(store, Math.floor(clock.now() / 1000) + 310);
  });

  it('one that was set back keeps what it has for longer, which harms nobody', async () => {
    const { store, claim, warnings } = await storeOf(through(proxy));
    const used = newNonce();
    expect(await claim(used, 1)).toBe('fresh');
    await clockAhead(-100);
    await store.health();
    expect([warnings, await claim(used, 1)]).toEqual([[], 'replayed']);
    await proxy.set('pass');
    await store.health();
    expect(warnings).toHaveLength(1);
  });
});
