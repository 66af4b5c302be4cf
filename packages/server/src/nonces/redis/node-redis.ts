import type { Command, RedisLink, RedisNode } from './link.js';

type Arguments = string[];

interface Emitter {
  on(event: string, listener: () => void): unknown;
}

/** What `createClient` of node-redis makes. */
export interface NodeRedisClient extends Emitter {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  sendCommand(args: Arguments, options?: object): Promise<unknown>;
  destroy(): void;
  connect(): Promise<unknown>;
}

/** What `createCluster` makes. */
export interface NodeRedisCluster extends Emitter {
  readonly isOpen: boolean;
  readonly masters: readonly unknown[];
  nodeClient(node: unknown): NodeRedisClient | Promise<NodeRedisClient>;
  sendCommand(
    key: string,
    isReadonly: boolean,
    args: Arguments,
    options?: object,
  ): Promise<unknown>;
}

/** What `createSentinel` makes. */
export interface NodeRedisSentinel extends Emitter {
  readonly isReady: boolean;
  sendCommand(isReadonly: boolean, args: Arguments, options?: object): Promise<unknown>;
  multi(): Pipeline;
}

interface Pipeline {
  addCommand(isReadonly: boolean, args: Arguments): Pipeline;
  execAsPipeline(): Promise<readonly unknown[]>;
}

// Whatever types of replies a user has asked for, here they are strings. The store has a deadline of its own: that of the
// client, which node-redis 6 has unless said otherwise, would make an AbortSignal for each claim, a fifth of its time.
const PLAIN = { typeMapping: undefined, timeout: undefined } as const;

const CLIENT_EVENTS = ['error', 'ready', 'end'] as const;
const CLUSTER_EVENTS = [
  ...['error', 'connect', 'disconnect'],
  ...['node-error', 'node-reconnecting', 'node-ready', 'node-disconnect'],
] as const;
const SENTINEL_EVENTS = ['error', 'client-error', 'topology-change'] as const;

/** An error need not end a connection: after bytes that were no reply, replies may be given to the wrong commands. */
const listen =
  (client: Emitter, events: readonly string[], isReady: () => boolean): RedisLink['onChange'] =>
  (listener) => {
    for (const event of events) {
      client.on(event, () => listener(event.endsWith('error') && isReady()));
    }
  };

const claimOf = (key: string, life: string) => ['SET', key, '1', 'PX', life, 'NX'];

const nodeOf = (client: NodeRedisClient): RedisNode => ({
  send: (command) => client.sendCommand([...command], PLAIN),
  reconnect() {
    if (!client.isOpen) return; // its user has closed it
    client.destroy();
    client.connect().catch(() => {});
  },
});

export function nodeRedisClient(client: NodeRedisClient): RedisLink {
  const isReady = () => client.isReady;
  const send = (command: Command) => client.sendCommand(command as Arguments, PLAIN);
  const node = nodeOf(client);
  return {
    isCluster: false,
    isReady,
    send: (_key, command) => send(command),
    claim: (key, life) => send(claimOf(key, life)),
    claimAnd: (key, life, second) => Promise.all([send(claimOf(key, life)), send(second)]),
    masters: async () => [node],
    onChange: listen(client, CLIENT_EVENTS, isReady),
  };
}

export function nodeRedisCluster(cluster: NodeRedisCluster): RedisLink {
  const isReady = () => cluster.isOpen;
  return {
    isCluster: true,
    isReady,
    send: (key, command) => cluster.sendCommand(key, false, command as Arguments, PLAIN),
    claim: (key, life) => cluster.sendCommand(key, false, claimOf(key, life), PLAIN),
    claimAnd: () => Promise.reject(new Error('a cluster has no one connection')),
    async masters() {
      const clients = await Promise.all(cluster.masters.map((node) => cluster.nodeClient(node)));
      return clients.map(nodeOf);
    },
    onChange: listen(cluster, CLUSTER_EVENTS, isReady),
  };
}

export function nodeRedisSentinel(sentinel: NodeRedisSentinel): RedisLink {
  const isReady = () => sentinel.isReady;
  const send = (command: Command) => sentinel.sendCommand(false, command as Arguments, PLAIN);
  const node: RedisNode = {
    send,
    // The server hangs up, and the client connects anew.
    reconnect: () => void send(['QUIT']).catch(() => {}),
  };
  return {
    isCluster: false,
    isReady,
    send: (_key, command) => send(command),
    claim: (key, life) => send(claimOf(key, life)),
    async claimAnd(key, life, second) {
      const pipeline = sentinel
        .multi()
        .addCommand(false, claimOf(key, life))
        .addCommand(false, [...second]);
      const replies = await pipeline.execAsPipeline();
      return [replies[0], replies[1]];
    },
    masters: async () => [node],
    onChange: listen(sentinel, SENTINEL_EVENTS, isReady),
  };
}
