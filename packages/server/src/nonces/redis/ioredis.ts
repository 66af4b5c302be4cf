import type { Command, RedisLink, RedisNode } from './link.js';

interface Emitter {
  on(event: string, listener: () => void): unknown;
}

interface Corkable {
  cork(): void;
  uncork(): void;
}

/** `Redis` of ioredis, be it for one server or by way of Sentinels. */
export interface IoredisClient extends Emitter {
  readonly status: string;
  call(command: string, ...args: string[]): Promise<unknown>;
  set(key: string, value: string, ...args: string[]): Promise<unknown>;
  /** Its socket; there is none before it has connected. */
  readonly stream?: Corkable | undefined;
  disconnect(reconnect: boolean): void;
  connect(): Promise<unknown>;
}

/** `Cluster` of ioredis. */
export interface IoredisCluster extends Emitter {
  readonly status: string;
  readonly isCluster: true;
  call(command: string, ...args: string[]): Promise<unknown>;
  set(key: string, value: string, ...args: string[]): Promise<unknown>;
  nodes(role: 'master'): readonly IoredisClient[];
  connect(): Promise<unknown>;
}

const CLIENT_EVENTS = ['close', 'ready', 'end'] as const;
const CLUSTER_EVENTS = [...CLIENT_EVENTS, '+node', '-node', 'node error'] as const;

const call = (client: Pick<IoredisClient, 'call'>, [name, ...args]: Command) =>
  client.call(name as string, ...args);

const claim = (client: Pick<IoredisClient, 'set'>, key: string, life: string) =>
  client.set(key, '1', 'PX', life, 'NX');

const nodeOf = (client: IoredisClient): RedisNode => ({
  send: (command) => call(client, command),
  reconnect: () => client.disconnect(true),
});

/** One that waits to be used before it connects would wait for ever: nothing is sent before it is ready. */
function awake(client: Pick<IoredisClient, 'status' | 'connect'>): void {
  if (client.status === 'wait') client.connect().catch(() => {});
}

/** To be called after a claim: those that follow in the same turn cross in one write. Each by itself would cost a third more. */
function bundling(client: IoredisClient): () => void {
  let corked: Corkable | undefined;
  const uncork = () => {
    corked?.uncork();
    corked = undefined;
  };
  return () => {
    if (corked !== undefined || client.stream === undefined) return;
    corked = client.stream;
    corked.cork();
    process.nextTick(uncork);
  };
}

export function ioredisClient(client: IoredisClient): RedisLink {
  awake(client);
  const node = nodeOf(client);
  const bundle = bundling(client);
  return {
    isCluster: false,
    isReady: () => client.status === 'ready',
    send: (_key, command) => call(client, command),
    claim(key, life) {
      const reply = claim(client, key, life);
      bundle();
      return reply;
    },
    claimAnd: (key, life, second) => Promise.all([claim(client, key, life), call(client, second)]),
    masters: async () => [node],
    onChange(listener) {
      for (const event of CLIENT_EVENTS) client.on(event, () => listener(false));
    },
  };
}

export function ioredisCluster(cluster: IoredisCluster): RedisLink {
  awake(cluster);
  return {
    isCluster: true,
    isReady: () => cluster.status === 'ready',
    send: (_key, command) => call(cluster, command),
    claim: (key, life) => claim(cluster, key, life),
    claimAnd: () => Promise.reject(new Error('a cluster has no one connection')),
    masters: async () => cluster.nodes('master').map(nodeOf),
    onChange(listener) {
      for (const event of CLUSTER_EVENTS) cluster.on(event, () => listener(false));
    },
  };
}
