import { setTimeout as delay } from 'node:timers/promises';
import { type Redis, startRedis } from './redis.js';

const SLOTS = 16_384;
const MASTERS = 3;
const DEADLINE = 20_000; // ms

/** A cluster of three masters without replicas, each on a port of 127.0.0.1. */
export interface RedisCluster {
  readonly masters: readonly Redis[];
  close(): Promise<void>;
}

/**
 * Starts a real Redis Cluster, with the programs of {@link startRedis}.
 *
 * @throws Error as startRedis does, or if its nodes do not agree in time
 */
export async function startRedisCluster(): Promise<RedisCluster> {
  const config = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '5000' };
  const masters: Redis[] = [];
  const close = async () => {
    await Promise.all(masters.map((master) => master.close()));
  };
  try {
    for (let i = 0; i < MASTERS; i++) masters.push(await startRedis({ config }));
    await join(masters);
  } catch (error) {
    await close();
    throw error;
  }
  return { masters, close };
}

async function join(masters: readonly Redis[]): Promise<void> {
  const [first] = masters as readonly [Redis];
  const bus = (await first.command('CONFIG', 'GET', 'cluster-port')) as readonly string[];
  for (const [i, master] of masters.entries()) {
    const from = Math.ceil((i * SLOTS) / MASTERS);
    const to = Math.ceil(((i + 1) * SLOTS) / MASTERS) - 1;
    await master.command('CLUSTER', 'SET-CONFIG-EPOCH', `${i + 1}`);
    await master.command('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`);
    if (master !== first) {
      await master.command('CLUSTER', 'MEET', '127.0.0.1', `${first.port}`, `${bus[1]}`);
    }
  }
  const deadline = Date.now() + DEADLINE;
  for (const master of masters) {
    while (!(await agrees(master))) {
      if (Date.now() > deadline) throw new Error('the nodes of a Redis Cluster do not agree');
      await delay(10);
    }
  }
}

async function agrees(master: Redis): Promise<boolean> {
  const info = String(await master.command('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_size:${MASTERS}`);
}
