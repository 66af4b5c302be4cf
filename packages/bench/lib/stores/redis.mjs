import { once } from 'node:events';
import { redisNonceStore } from '@countersign/server/nonces/redis';

const LIFE = 660_000; // ms, that of a nonce with the defaults
const WHAT = 'SET key 1 NX PX';
const HOW_MANY = 2;

let keys = 0;
const run = `${process.pid}-${Date.now().toString(36)}`;
/** As long as that of a claim. */
const bareKey = () => `countersign:bare:${run.slice(-12)}-${`${keys++}`.padStart(10, '0')}`;

/** What the clients have in common: `connect` gives one with `set` and `end`. */
const redisOf = (library, connect) => ({
  ...{ backend: 'redis', library, what: WHAT },
  async open(url, { purge: _, ...options }) {
    const clients = await Promise.all(
      Array.from({ length: HOW_MANY + 1 }, async () => connect(await import(library), url)),
    );
    const [bare, ...others] = clients;
    const prefix = `soak:${run}:${keys++}:`;
    return {
      stores: others.map(({ client }) => redisNonceStore({ client, prefix, ...options })),
      bareKey,
      bare: async (key) => {
        if ((await bare.set(key)) !== 'OK') throw new Error(`${library}: the key was there`);
      },
      close: () => Promise.all(clients.map(({ end }) => end())),
    };
  },
});

export const nodeRedisOf = (library) =>
  redisOf(library, async ({ createClient }, url) => {
    const client = await createClient({ url }).on('error', fail(library)).connect();
    const how = { expiration: { type: 'PX', value: LIFE }, condition: 'NX' };
    return { client, set: (key) => client.set(key, '1', how), end: () => client.close() };
  });

export const ioredisOf = (library) =>
  redisOf(library, async ({ Redis }, url) => {
    const client = new Redis(url).on('error', fail(library));
    if (client.status !== 'ready') await once(client, 'ready');
    return {
      client,
      set: (key) => client.set(key, '1', 'PX', LIFE, 'NX'),
      end: () => client.quit(),
    };
  });

/** What is measured with connections that break is worth nothing. */
const fail = (library) => (error) => {
  console.error(`${library}: ${error.message}`);
  process.exit(1);
};
