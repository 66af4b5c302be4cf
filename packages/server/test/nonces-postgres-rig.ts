import {
  migrateNonces,
  type PostgresNonceStore,
  type PostgresNonceStoreOptions,
  postgresNonceStore,
} from '@countersign/server/nonces/postgres';
import pg from 'pg';

const opened: { end(): unknown }[] = [];

/** Ends what a test has opened. */
export async function closeOpened(): Promise<void> {
  await Promise.all(opened.splice(0).map((each) => each.end()));
}

/** A pool as users are told to make theirs, but patient: machines that run tests are busy. */
export function poolOf(connectionString: string, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 5_000, ...config });
  // A connection that is lost while nobody uses it.
  pool.on('error', () => {});
  opened.push(pool);
  return pool;
}

/** One connection that no store shares. */
export async function clientOf(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  opened.push(client);
  return client;
}

let tables = 0;

/** A table of its own for each store, and no purge but that which is asked for. */
export async function storeOn(
  pool: pg.Pool,
  options: Partial<PostgresNonceStoreOptions> = {},
): Promise<{ readonly store: PostgresNonceStore; readonly table: string }> {
  const { table = `nonces_${process.pid}_${tables++}`, now } = options;
  await migrateNonces(pool, { table, now });
  const store = postgresNonceStore({
    pool,
    table,
    start: 'fresh',
    purge: false,
    deadline: 5_000,
    ...options,
  });
  opened.push({ end: () => store.close() });
  return { store, table };
}
