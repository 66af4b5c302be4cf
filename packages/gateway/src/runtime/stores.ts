import { type KeyStore, keyFile, memoryNonceStore, type NonceStore } from '@countersign/server';
import type { RedisClientType } from 'redis';
import { parse } from 'yaml';
import type { GatewayConfig, KeysConfig, NoncesConfig } from '../config/config.js';
import { pathIn, type References, textOf } from '../config/reference.js';

/** A store, and what is to be closed with it. */
export interface Opened<T> {
  readonly store: T;
  close(): Promise<void>;
}

const nothing = async () => {};

/**
 * Opens the store of used nonces. What it connects to need not be there yet: requests are refused until it is.
 *
 * @throws TypeError or RangeError that begins with the path of the bad value
 */
export async function openNonces(
  nonces: NoncesConfig = { memory: {} },
  skew: number,
  references: References,
): Promise<Opened<NonceStore>> {
  if (nonces.redis !== undefined) {
    const url = textOf(references, nonces.redis, 'nonces.redis');
    const [{ redisNonceStore }, { client, close }] = await Promise.all([
      import('@countersign/server/nonces/redis'),
      connectRedis(url, 'nonces.redis'),
    ]);
    const { prefix } = nonces;
    return {
      store: redisNonceStore({ client, skew, ...(prefix === undefined ? {} : { prefix }) }),
      close,
    };
  }
  if (nonces.postgres !== undefined) return openPostgresNonces(nonces, skew, references);
  const { capacity, start } = nonces.memory ?? {};
  return { store: memoryNonceStore({ skew, capacity, start }), close: nothing };
}

async function openPostgresNonces(
  { postgres, table }: NoncesConfig,
  skew: number,
  references: References,
): Promise<Opened<NonceStore>> {
  const url = textOf(references, postgres as string, 'nonces.postgres');
  const [{ migrateNonces, postgresNonceStore }, pool] = await Promise.all([
    import('@countersign/server/nonces/postgres'),
    connectPostgres(url),
  ]);
  const named = table === undefined ? {} : { table };
  const store = postgresNonceStore({ pool, skew, ...named });
  // Requests are refused for as long as there is no table.
  const migrating = migrateNonces(pool, named).catch(() => {});
  return {
    store,
    async close() {
      store.close();
      await migrating;
      await pool.end();
    },
  };
}

/** Opens the store of keys. A file is read now; whoever watches it opens it again. */
export async function openKeys(
  keys: KeysConfig,
  references: References,
): Promise<Opened<KeyStore>> {
  if (keys.file === undefined) throw new TypeError('keys: only file is known');
  const path = pathIn(references, keys.file);
  const options = { env: references.env, ...(/\.ya?ml$/i.test(path) ? { parse: parseYaml } : {}) };
  try {
    return { store: keyFile(path, options), close: nothing };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw new TypeError(`keys.file: ${(error as Error).message}`);
    throw new TypeError(`keys.file: cannot read ${path} (${code})`);
  }
}

function parseYaml(text: string): unknown {
  try {
    return parse(text, { prettyErrors: false });
  } catch {
    // What the parser says quotes the text around the fault, which may be a secret.
    throw new TypeError('not valid YAML');
  }
}

/** A client of its own for each use: one that others use may be made to connect anew. */
export async function connectRedis(
  url: string,
  at: string,
): Promise<{ readonly client: object; close(): Promise<void> }> {
  const { createClient } = await import('redis');
  let client: RedisClientType;
  try {
    client = createClient({ url, disableOfflineQueue: true });
  } catch {
    throw new TypeError(`${at}: expected a URL such as redis://127.0.0.1:6379`);
  }
  client.on('error', () => {}); // what fails is told by the requests that are refused, and by readyz
  client.connect().catch(() => {});
  return { client, close: async () => client.destroy() };
}

async function connectPostgres(url: string) {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 250 });
  pool.on('error', () => {});
  return pool;
}

/** What a store of nonces is made of: if that stays the same, so must the store, which remembers. */
export function nonceIdentity({ nonces, skew }: GatewayConfig): string {
  return JSON.stringify([nonces ?? null, skew ?? null]);
}
