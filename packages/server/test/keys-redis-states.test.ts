import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '@countersign/server/keys/redis';
import {
  type Redis,
  type RedisConfig,
  redisCommand,
  startRedis,
  startRedisCluster,
} from '@countersign/test-servers';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type DatabaseKeyStore,
  encryption,
  findTimed,
  hasSecret,
  keyOf,
  rejection,
} from './keys-database-rig.js';
import { CLUSTER, closeOpened, STANDALONE } from './nonces-redis-clients.js';

// States that a real server is brought into; the tests of faults have what stands in between.

const DEADLINE = 100; // ms
const KEPT = { appendonly: 'yes', appendfsync: 'always' } as const;

const closing: (() => Promise<void>)[] = [];
async function start(config: RedisConfig = {}): Promise<Redis> {
  const redis = await startRedis({ config });
  closing.push(() => redis.close());
  return redis;
}
afterEach(async () => {
  await closeOpened();
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function untilFound(store: DatabaseKeyStore): Promise<void> {
  const found = async () => hasSecret(await store.find('a').catch(() => undefined), 7);
  await expect.poll(found, { interval: 5, timeout: 10_000 }).toBe(true);
}

/** Neither the key that there is nor the one that there is not: whoever asks is told that nobody knows. */
async function expectRejected(store: DatabaseKeyStore): Promise<void> {
  for (const credential of ['a', 'nobody']) {
    const { outcome, late } = await findTimed(store, credential, DEADLINE);
    expect(outcome).toBe('rejected');
    expect(late).toBeLessThan(100);
  }
  expect(await rejection(store.health())).not.toBe('it was not rejected');
}

interface State {
  enter(redis: Redis): Promise<unknown>;
  leave(redis: Redis): Promise<unknown>;
}
const set = (name: string, value: string) => (redis: Redis) =>
  redis.command('CONFIG', 'SET', name, value);

const AWAY: Readonly<Record<string, State>> = {
  'NOAUTH: the password was changed, and the connection is gone': {
    async enter(redis) {
      await set('requirepass', 'other')(redis);
      await redisCommand(redis.port, ['CLIENT', 'KILL', 'TYPE', 'normal'], 'other');
    },
    leave: (redis) => redisCommand(redis.port, ['CONFIG', 'SET', 'requirepass', ''], 'other'),
  },
  'NOPERM: the right to read was taken away': {
    enter: (redis) => redis.command('ACL', 'SETUSER', 'default', '-hget'),
    leave: (redis) => redis.command('ACL', 'SETUSER', 'default', '+hget'),
  },
  'its process stands still': {
    enter: async (redis) => process.kill(redis.pid as number, 'SIGSTOP'),
    leave: async (redis) => process.kill(redis.pid as number, 'SIGCONT'),
  },
  'it was killed': { enter: (redis) => redis.stop('SIGKILL'), leave: (redis) => redis.start() },
};

const NOT_WRITABLE: Readonly<Record<string, State>> = {
  'READONLY: it has become a replica': {
    enter: (redis) => redis.command('REPLICAOF', '127.0.0.1', '1'),
    leave: (redis) => redis.command('REPLICAOF', 'NO', 'ONE'),
  },
  'OOM: its memory is full, and it evicts nothing': {
    enter: set('maxmemory', '1'),
    leave: set('maxmemory', '0'),
  },
};

describe.each(STANDALONE)('%s', (_, open) => {
  async function storeOn(redis: Redis): Promise<DatabaseKeyStore> {
    const { client } = await open(redis.url);
    const store = redisKeys({ client, encryption, deadline: DEADLINE });
    await store.change('a', () => keyOf('a', 7));
    await untilFound(store);
    return store;
  }

  it.each(Object.entries(AWAY))('%s: rejects in time, then as before', async (_name, state) => {
    const redis = await start(KEPT);
    const store = await storeOn(redis);
    await state.enter(redis);
    await expectRejected(store);
    await state.leave(redis);
    await untilFound(store);
    await expect.poll(() => store.find('nobody').catch(() => 'rejected')).toBeUndefined();
  });

  it.each(Object.entries(NOT_WRITABLE))(
    '%s: is read, and changes nothing',
    async (_name, state) => {
      const redis = await start();
      const store = await storeOn(redis);
      await state.enter(redis);
      await untilFound(store);
      const changes = [
        store.change('a', () => keyOf('a', 8)),
        store.change('b', () => keyOf('b', 8)),
        store.noteUses(new Map([['a', 60_000]])),
      ];
      for (const outcome of await Promise.allSettled(changes))
        expect(outcome.status).toBe('rejected');
      await state.leave(redis);
      await untilFound(store);
      expect(await store.find('b')).toBeUndefined();
      await expect
        .poll(() => rejection(store.change('a', () => keyOf('a', 8))), { timeout: 10_000 })
        .toBe('it was not rejected');
      expect(hasSecret(await store.find('a'), 8)).toBe(true);
    },
  );

  it('LOADING: it is started again and reads what it has kept', async () => {
    const redis = await start({
      ...KEPT,
      'aof-use-rdb-preamble': 'yes',
      'key-load-delay': '2000', // microseconds
      'loading-process-events-interval-bytes': '1024',
    });
    const store = await storeOn(redis);
    await redis.command('EVAL', 'for i = 1, 300 do redis.call("SET", "k" .. i, "v") end', '0');
    await redis.command('BGREWRITEAOF');
    while (!/aof_rewrite_in_progress:0/.test(String(await redis.command('INFO', 'persistence')))) {
      await delay(5);
    }
    await redis.stop();
    const loading = redis.start();
    let refused = 0;
    while ((await Promise.race([loading.then(() => 'loaded'), delay(5)])) === undefined) {
      for (const credential of ['a', 'nobody']) {
        const { outcome, late } = await findTimed(store, credential, DEADLINE);
        if (outcome === 'rejected') refused++;
        else expect(outcome).toBe(credential === 'a' ? 'found' : 'unknown');
        expect(late).toBeLessThan(100);
      }
    }
    expect(refused).toBeGreaterThan(10);
    await untilFound(store);
  });
});

it('CLUSTERDOWN: a slot that nobody serves rejects until somebody does', async () => {
  const cluster = await startRedisCluster();
  closing.push(() => cluster.close());
  const stores = await Promise.all(
    CLUSTER.map(async ([name, open]) => {
      const { client } = await open(cluster);
      const prefix = `${name.replace(' ', '-')}:`;
      const store = redisKeys({ client, encryption, prefix, deadline: DEADLINE });
      await expect
        .poll(() => rejection(store.change('a', () => keyOf('a', 7))))
        .toBe('it was not rejected');
      await untilFound(store);
      return store;
    }),
  );
  const slot = String(await cluster.masters[0]?.command('CLUSTER', 'KEYSLOT', '{keys}'));
  const serves = (master: Redis) =>
    master.command('EXISTS', '{keys}').then(
      () => true,
      () => false,
    );
  const serving = await Promise.all(cluster.masters.map(serves));
  const owner = cluster.masters[serving.indexOf(true)] as Redis;
  await owner.command('CLUSTER', 'DELSLOTS', slot);
  for (const store of stores) await expectRejected(store);
  await owner.command('CLUSTER', 'ADDSLOTS', slot);
  for (const store of stores) await untilFound(store);
});
