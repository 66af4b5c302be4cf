import { redisKeys } from '@countersign/server/keys/redis';
import {
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
  useRedis,
} from '@countersign/test-servers';
import { afterAll, beforeAll, describe } from 'vitest';
import { linkOf } from '../src/nonces/redis/recognise.js';
import { databaseChecks } from './keys-database-checks.js';
import { encryption, type Place } from './keys-database-rig.js';
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
let places = 0;

/** A prefix of its own for each place, on a client that all of them share. */
function placesOn(client: () => Promise<TestClient>): () => Promise<Place> {
  let opening: Promise<TestClient> | undefined;
  return async () => {
    opening ??= client();
    const { client: connected } = await opening;
    const prefix = `test:${run}:${places++}:`;
    const hash = `${prefix}{keys}`;
    const link = linkOf(connected);
    const send = (...command: string[]) => link.send(hash, command);
    return {
      open: (using = encryption) =>
        redisKeys({ client: connected, encryption: using, prefix, deadline: 5_000 }),
      async read(credential) {
        const [, sealed = '', entry = ''] =
          /^(\S*) (.*)$/.exec(String(await send('hget', hash, credential))) ?? [];
        return { sealed, entry };
      },
      async put(credential, { sealed, entry }) {
        await send('hset', hash, credential, `${sealed} ${entry}`);
      },
      dump: async () => JSON.stringify(await send('hvals', hash)),
      async spoil() {
        await send('set', hash, 'not a hash');
      },
    };
  };
}

describe.each(STANDALONE)('%s', (_, client) => {
  databaseChecks(placesOn(() => client(standalone.url)));
});

describe.each(CLUSTER)('%s, cluster', (_, client) => {
  databaseChecks(placesOn(() => client(cluster)));
});

describe.each(SENTINEL)('%s, sentinel', (_, client) => {
  databaseChecks(placesOn(() => client(sentinel)));
});
