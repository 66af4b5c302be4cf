import { once } from 'node:events';
import { Redis } from 'ioredis';
import pg from 'pg';
import { staticKeys } from '../src/keys/static-keys.js';
import { memoryNonceStore } from '../src/nonces/memory.js';
import type { NonceStore } from '../src/nonces/nonce-store.js';
import { postgresNonceStore } from '../src/nonces/postgres.js';
import { redisNonceStore } from '../src/nonces/redis.js';
import { sqliteNonceStore } from '../src/nonces/sqlite.js';
import type { RequestView } from '../src/request-view.js';
import { createVerifier } from '../src/verifier.js';

// A process of its own that verifies what it is told to.

/** One order: so many copies of one request, at once. */
export interface Order {
  readonly request: RequestView;
  readonly copies: number;
}

/** How many of the copies were answered in each way. */
export interface Counts {
  readonly accepted: number;
  readonly replayed: number;
  readonly unavailable: number;
  readonly other: number;
}

/** What it is started with, as JSON. */
export interface ClaimerOptions {
  readonly kind: 'memory' | 'redis' | 'postgres' | 'sqlite';
  /** Of the server; of a file, its path. */
  readonly url?: string;
  /** Of the store, in milliseconds. */
  readonly deadline?: number;
  readonly start?: 'normal' | 'strict' | 'fresh';
  /** Credential and secret of the key. */
  readonly key: { readonly credential: string; readonly secret: string };
}

async function open({ kind, url = '', deadline, start = 'fresh' }: ClaimerOptions) {
  const options = { start, deadline };
  if (kind === 'memory') return memoryNonceStore({ start });
  if (kind === 'sqlite') return sqliteNonceStore({ file: url, ...options });
  if (kind === 'redis') {
    const client = new Redis(url, { retryStrategy: () => 20 });
    await once(
      client.on('error', () => {}),
      'ready',
    );
    return redisNonceStore({ client, ...options, onWarning: () => {} });
  }
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: deadline });
  pool.on('error', () => {});
  return postgresNonceStore({ pool, ...options });
}

const WAYS: Readonly<Record<string, keyof Counts>> = {
  nonce_replayed: 'replayed',
  nonce_store_unavailable: 'unavailable',
};

const options: ClaimerOptions = JSON.parse(process.argv[2] as string);
const nonces: NonceStore = await open(options);
const { credential, secret } = options.key;
const verifier = createVerifier({
  keys: staticKeys([{ credential, secrets: [{ secret }] }]),
  nonces,
  hosts: ['api.example.com'],
  storeTimeout: 60_000,
});
process.on('disconnect', () => process.exit());
process.on('message', async ({ request, copies }: Order) => {
  const counts = { accepted: 0, replayed: 0, unavailable: 0, other: 0 };
  const copy = () => verifier.verify(request);
  for (const verdict of await Promise.all(Array.from({ length: copies }, copy))) {
    const way = verdict.verdict === 'accepted' ? 'accepted' : WAYS[verdict.code];
    counts[way ?? 'other']++;
  }
  process.send?.(counts);
});
process.send?.('ready');
