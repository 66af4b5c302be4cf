import {
  type IoredisClient,
  type IoredisCluster,
  ioredisClient,
  ioredisCluster,
} from './ioredis.js';
import type { RedisLink } from './link.js';
import {
  type NodeRedisClient,
  type NodeRedisCluster,
  type NodeRedisSentinel,
  nodeRedisClient,
  nodeRedisCluster,
  nodeRedisSentinel,
} from './node-redis.js';

const EXPECTED =
  'client: expected what createClient, createCluster or createSentinel of redis (node-redis) made, or a Redis or Cluster of ioredis';

/**
 * Tells which client it is by the members that only this kind has.
 *
 * @throws TypeError that names the option `client`
 */
export function linkOf(client: unknown): RedisLink {
  if (typeof client !== 'object' || client === null) throw new TypeError(EXPECTED);
  const has = (member: string, type: string) => typeof Reflect.get(client, member) === type;
  if (!has('on', 'function') || !has('sendCommand', 'function')) throw new TypeError(EXPECTED);
  if (has('call', 'function') && has('status', 'string')) {
    return Reflect.get(client, 'isCluster') === true && has('nodes', 'function')
      ? ioredisCluster(client as IoredisCluster)
      : ioredisClient(client as IoredisClient);
  }
  if (has('totalClients', 'number')) {
    throw new TypeError('client: a pool of node-redis queues commands; pass a client of its own');
  }
  if (!has('isOpen', 'boolean')) throw new TypeError(EXPECTED);
  if (has('nodeClient', 'function')) return nodeRedisCluster(client as NodeRedisCluster);
  if (!has('isReady', 'boolean')) throw new TypeError(EXPECTED);
  return has('getSentinelNode', 'function')
    ? nodeRedisSentinel(client as NodeRedisSentinel)
    : nodeRedisClient(client as NodeRedisClient);
}
