import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { redisNonceStore } from '@countersign/server/nonces/redis';
import { type Redis, type RedisConfig, redisCommand, startRedis } from '@countersign/test-servers';
import { afterEach, describe, expect, it } from 'vitest';
import { claimTimed, decided, newNonce, second, untilFresh } from './nonces-faults.js';
import { closeOpened, STANDALONE } from './nonces-redis-clients.js';

const DEADLINE = 100; // ms

const started: Redis[] = [];
async function start(config: RedisConfig = {}): Promise<Redis> {
  const redis = await startRedis({ config });
  started.push(redis);
  return redis;
}
afterEach(async () => {
  await closeOpened();
  await Promise.all(started.splice(0).map((redis) => redis.close()));
});

/** A state that a real server is brought into. */
interface State {
  readonly config?: RedisConfig;
  enter(redis: Redis): Promise<unknown>;
  leave(redis: Redis): Promise<unknown>;
}

const set = (name: string, value: string) => (redis: Redis) =>
  redis.command('CONFIG', 'SET', name, value);

const signal = (name: NodeJS.Signals) => async (redis: Redis) => {
  process.kill(redis.pid as number, name);
};

const STATES: Readonly<Record<string, State>> = {
  'NOAUTH: the password was changed, and the connection is gone': {
    async enter(redis) {
      await set('requirepass', 'other')(redis);
      await redisCommand(redis.port, ['CLIENT', 'KILL', 'TYPE', 'normal'], 'other');
    },
    leave: (redis) => redisCommand(redis.port, ['CONFIG', 'SET', 'requirepass', ''], 'other'),
  },
  'NOPERM: the right to write was taken away': {
    enter: (redis) => redis.command('ACL', 'SETUSER', 'default', '-set'),
    leave: (redis) => redis.command('ACL', 'SETUSER', 'default', '+set'),
  },
  'READONLY: it has become a replica': {
    enter: (redis) => redis.command('REPLICAOF', '127.0.0.1', '1'),
    leave: (redis) => redis.command('REPLICAOF', 'NO', 'ONE'),
  },
  'OOM: its memory is full, and it evicts nothing': {
    enter: set('maxmemory', '1'),
    leave: set('maxmemory', '0'),
  },
  'MISCONF: its disk takes no snapshot': {
    config: { save: '3600 1' },
    async enter(redis) {
      const [, directory] = (await redis.command('CONFIG', 'GET', 'dir')) as [string, string];
      await rm(directory, { recursive: true });
      await redis.command('BGSAVE').catch(() => {});
      while (!/last_bgsave_status:err/.test(String(await redis.command('INFO', 'persistence')))) {
        await delay(5);
      }
    },
    leave: set('stop-writes-on-bgsave-error', 'no'),
  },
  'BUSY: a script runs without end': {
    config: { 'lua-time-limit': '1' },
    async enter(redis) {
      redis.command('EVAL', 'while true do end', '0').catch(() => {});
      while ((await redis.command('PING').catch(({ message }) => message)) === 'PONG') {
        await delay(5);
      }
    },
    leave: (redis) => redis.command('SCRIPT', 'KILL'),
  },
  'its writes are paused': {
    enter: (redis) => redis.command('CLIENT', 'PAUSE', '60000', 'WRITE'),
    leave: (redis) => redis.command('CLIENT', 'UNPAUSE'),
  },
  'its process stands still': { enter: signal('SIGSTOP'), leave: signal('SIGCONT') },
};

/** A machine that is busy may take longer than the short deadline. */
const untilWell = (store: { health(): unknown }) =>
  expect.poll(async () => store.health(), { timeout: 5_000 }).toBeUndefined();

describe.each(STANDALONE)('%s', (_, open) => {
  it.each(Object.entries(STATES))(
    '%s: unavailable in time, then as before',
    async (_name, state) => {
      const redis = await start(state.config);
      const { client } = await open(redis.url);
      const store = redisNonceStore({ client, deadline: DEADLINE, start: 'fresh' });
      const used = await untilFresh(store);
      await untilWell(store);
      await state.enter(redis);
      for (const nonce of [newNonce(), newNonce()]) {
        const { verdict, late } = await claimTimed(store, nonce, DEADLINE);
        expect(verdict).toBe('unavailable');
        expect(late).toBeLessThan(100);
      }
      // One that it can still look up may be told.
      expect(await store.claim('a', used, second(300))).not.toBe('fresh');
      await expect(store.health()).rejects.toThrow();
      await state.leave(redis);
      await untilFresh(store);
      expect(await decided(store, used)).toBe('replayed');
      await untilWell(store);
    },
  );

  it('LOADING: it is started again and reads what it has kept', async () => {
    const redis = await start({
      appendonly: 'yes',
      appendfsync: 'always',
      'aof-use-rdb-preamble': 'yes',
      'key-load-delay': '2000', // microseconds
      'loading-process-events-interval-bytes': '1024',
    });
    const { client } = await open(redis.url);
    const store = redisNonceStore({ client, deadline: DEADLINE, start: 'fresh' });
    const used = await untilFresh(store);
    await redis.command('EVAL', 'for i = 1, 300 do redis.call("SET", "k" .. i, "v") end', '0');
    await redis.command('BGREWRITEAOF');
    while (!/aof_rewrite_in_progress:0/.test(String(await redis.command('INFO', 'persistence')))) {
      await delay(5);
    }
    await redis.stop();
    expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
    const loading = redis.start();
    let refused = 0;
    while ((await Promise.race([loading.then(() => 'loaded'), delay(5)])) === undefined) {
      const { verdict, late } = await claimTimed(store, used, DEADLINE);
      expect(verdict).not.toBe('fresh');
      expect(late).toBeLessThan(100);
      if (verdict === 'unavailable') refused++;
    }
    expect(refused).toBeGreaterThan(10);
    await untilFresh(store);
    expect(await decided(store, used)).toBe('replayed');
  });
});
