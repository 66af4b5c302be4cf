import { type EventEmitter, once } from 'node:events';
import type { FaultProxy, RedisCluster, RedisSentinel } from '@countersign/test-servers';
import { Redis as Ioredis5 } from 'ioredis';
import { Redis as Ioredis6 } from 'ioredis-newest';
import * as redis5 from 'redis';
import * as redis6 from 'redis-newest';

/** A connected client, as a user would hand it to a store. */
export interface TestClient {
  readonly client: object;
  close(): unknown;
}

const opened: TestClient[] = [];

/** Ends the clients that a test has opened. */
export async function closeOpened(): Promise<void> {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
}

const keep = (client: EventEmitter, close: () => unknown): TestClient => {
  client.setMaxListeners(0); // the stores of many tests share it
  const kept = { client, close };
  opened.push(kept);
  return kept;
};

// A client that is not there yet, or no more, says so by an event that nobody else hears.
const ignore = () => {};
const RECONNECT = 20; // ms
// Both versions have the same functions; the types of the older one do.
const nodeRedis = { 'node-redis 5': redis5, 'node-redis 6': redis6 as unknown as typeof redis5 };
const ioredis = { 'ioredis 5': Ioredis5, 'ioredis 6': Ioredis6 as unknown as typeof Ioredis5 };

function forEach<A, B, R>(
  ofNodeRedis: (library: typeof redis5, where: A) => Promise<R>,
  ofIoredis: (library: typeof Ioredis5, where: A) => Promise<B & R>,
): readonly (readonly [name: string, open: (where: A) => Promise<R>])[] {
  return [
    ...Object.entries(nodeRedis).map(
      ([name, library]) => [name, (where: A) => ofNodeRedis(library, where)] as const,
    ),
    ...Object.entries(ioredis).map(
      ([name, library]) => [name, (where: A) => ofIoredis(library, where)] as const,
    ),
  ];
}

/** Each client for one server, with every default that a user has but the time it waits before it connects again. */
export const STANDALONE = forEach(
  async ({ createClient }, url: string) => {
    const client = createClient({ url, socket: { reconnectStrategy: () => RECONNECT } });
    await client.on('error', ignore).connect();
    return keep(client, () => client.destroy());
  },
  async (Redis, url: string) => {
    const client = new Redis(url, { retryStrategy: () => RECONNECT });
    await once(client.on('error', ignore), 'ready');
    return keep(client, () => client.disconnect());
  },
);

/** Each client for a cluster. */
export const CLUSTER = forEach(
  async ({ createCluster }, { masters }: RedisCluster) => {
    const cluster = createCluster({ rootNodes: masters.map(({ url }) => ({ url })) });
    await cluster.on('error', ignore).connect();
    return keep(cluster, () => cluster.destroy());
  },
  async (Redis, { masters }: RedisCluster) => {
    const cluster = new Redis.Cluster(masters.map(({ url }) => url));
    await once(cluster.on('error', ignore), 'ready');
    return keep(cluster, () => cluster.disconnect());
  },
);

/** Each client by way of a Sentinel. */
export const SENTINEL = forEach(
  async ({ createSentinel }, { name, sentinel }: RedisSentinel) => {
    const client = createSentinel({
      name,
      sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }],
      scanInterval: 100,
    });
    await client.on('error', ignore).connect();
    return keep(client, () => client.destroy());
  },
  async (Redis, { name, sentinel }: RedisSentinel) => {
    const client = new Redis({
      sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
      name,
      retryStrategy: () => RECONNECT,
      sentinelRetryStrategy: () => RECONNECT,
    });
    await once(client.on('error', ignore), 'ready');
    return keep(client, () => client.disconnect());
  },
);

/** The URL of a proxy. */
export const through = ({ port }: FaultProxy) => `redis://127.0.0.1:${port}`;
