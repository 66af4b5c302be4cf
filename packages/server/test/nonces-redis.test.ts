import { type RedisNonceStoreOptions, redisNonceStore } from '@countersign/server/nonces/redis';
import {
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
  useRedis,
} from '@countersign/test-servers';
import { type NonceStoreContractOptions, nonceStoreContract } from '@countersign/testkit';
import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  CLUSTER,
  closeOpened,
  SENTINEL,
  STANDALONE,
  type TestClient,
} from './nonces-redis-clients.js';

let standalone: Awaited<ReturnType<typeof useRedis>>;
let cluster: RedisCluster;
let sentinel: RedisSentinel;
beforeAll(async () => {
  [standalone, cluster, sentinel] = await Promise.all([
    useRedis(),
    startRedisCluster(),
    startRedisSentinel(),
  ]);
});
afterAll(async () => {
  await closeOpened();
  await Promise.all([standalone.close(), cluster.close(), sentinel.close()]);
});

// Two runs on one server of a user's own share nothing.
const run = Math.random().toString(36).slice(2);
let stores = 0;

/** A store of the contract on a client that all of its stores share: what sets them apart is their prefix. */
function contractOf(client: () => Promise<TestClient>): NonceStoreContractOptions {
  const prefixes = new WeakMap<object, string>();
  let opening: Promise<TestClient> | undefined;
  const open = async (prefix: string, options: Omit<RedisNonceStoreOptions, 'client'>) => {
    opening ??= client();
    const store = redisNonceStore({
      deadline: 5_000,
      ...options,
      client: (await opening).client,
      prefix,
    });
    prefixes.set(store, prefix);
    return store;
  };
  return {
    // What expires is forgotten by the clock of the server, and how much it holds is its own affair.
    without: ['forgetting', 'capacity'],
    create: ({ skew, start, clock }) =>
      open(`test:${run}:${stores++}:`, { skew, start, now: clock.now }),
    reopen: (store, { skew, start, clock }) =>
      open(prefixes.get(store) as string, { skew, start, now: clock.now }),
  };
}

describe.each(STANDALONE)('%s', (_, client) => {
  for (const check of nonceStoreContract(contractOf(() => client(standalone.url)))) {
    it(check.name, check.run);
  }
});

describe.each(CLUSTER)('%s, cluster', (_, client) => {
  for (const check of nonceStoreContract(contractOf(() => client(cluster)))) {
    it(check.name, check.run);
  }
});

describe.each(SENTINEL)('%s, sentinel', (_, client) => {
  for (const check of nonceStoreContract(contractOf(() => client(sentinel)))) {
    it(check.name, check.run);
  }
});
