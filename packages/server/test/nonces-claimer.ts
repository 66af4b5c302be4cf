import { once } from 'node:events';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { NonceStore, NonceVerdict } from '../src/nonces/nonce-store.js';
import { postgresNonceStore } from '../src/nonces/postgres.js';
import { redisNonceStore } from '../src/nonces/redis.js';
import { sqliteNonceStore } from '../src/nonces/sqlite.js';

// A process of its own that claims what it is told to.

/** One order: so many copies of one pair, at once. */
export interface Order {
  readonly nonce: string;
  readonly copies: number;
  readonly expiresAt: number;
}

/** How many of the copies were given each verdict. */
export type Counts = Readonly<Record<NonceVerdict, number>>;

async function open(kind: string, url: string, deadline: number): Promise<NonceStore> {
  if (kind === 'sqlite') return sqliteNonceStore({ file: url, start: 'fresh', deadline });
  if (kind === 'redis') {
    const client = new Redis(url, { retryStrategy: () => 20 });
    await once(
      client.on('error', () => {}),
      'ready',
    );
    return redisNonceStore({ client, start: 'fresh', deadline, onWarning: () => {} });
  }
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: deadline });
  pool.on('error', () => {});
  return postgresNonceStore({ pool, start: 'fresh', deadline });
}

const [kind, url, deadline] = process.argv.slice(2) as [string, string, string];
const store = await open(kind, url, Number(deadline));
process.on('disconnect', () => process.exit());
process.on('message', async ({ nonce, copies, expiresAt }: Order) => {
  const counts = { fresh: 0, replayed: 0, unavailable: 0, full: 0 };
  const claims = Array.from({ length: copies }, () => store.claim('orders', nonce, expiresAt));
  for (const verdict of await Promise.all(claims)) counts[verdict]++;
  process.send?.(counts);
});
process.send?.('ready');
