import { setTimeout as delay } from 'node:timers/promises';
import { type Redis, startRedis } from './redis.js';

const DEADLINE = 20_000; // ms

/** A master, its replica, and one Sentinel that watches them under the name `main`. */
export interface RedisSentinel {
  readonly name: 'main';
  readonly sentinel: Redis;
  readonly master: Redis;
  readonly replica: Redis;
  close(): Promise<void>;
}

/**
 * Starts real servers with the programs of {@link startRedis}. The Sentinel takes the master for dead after half a second.
 *
 * @throws Error as startRedis does, or if they do not find one another in time
 */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const started: Redis[] = [];
  const close = async () => {
    await Promise.all(started.map((server) => server.close()));
  };
  const start = async (config: Parameters<typeof startRedis>[0]) => {
    const server = await startRedis(config);
    started.push(server);
    return server;
  };
  try {
    const master = await start({});
    const replica = await start({ config: { replicaof: `127.0.0.1 ${master.port}` } });
    await until('the replica does not answer its master', () => keepsUp(master));
    const sentinel = await start({
      config: {
        sentinel: [
          `monitor main 127.0.0.1 ${master.port} 1`,
          'down-after-milliseconds main 500',
          'failover-timeout main 2000',
        ],
      },
    });
    await until('the Sentinel knows no replica', async () => {
      const replicas = JSON.stringify(await sentinel.command('SENTINEL', 'REPLICAS', 'main'));
      return replicas.includes('"flags","slave"') && replicas.includes('"master-link-status","ok"');
    });
    return { name: 'main', sentinel, master, replica, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A replica counts as there before it has acknowledged anything. */
async function keepsUp(master: Redis): Promise<boolean> {
  await master.command('PUBLISH', 'started', '');
  const info = String(await master.command('INFO', 'replication'));
  return Number(/state=online,offset=(\d+)/.exec(info)?.[1]) > 0;
}

async function until(fault: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(fault);
    await delay(10);
  }
}
