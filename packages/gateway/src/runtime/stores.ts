import {
  type KeyStore,
  memoryNonceStore,
  type NonceStore,
  watchKeyFile,
} from '@countersign/server';
import type { RedisClientType } from 'redis';
import { parse } from 'yaml';
import type { KeysConfig, NoncesConfig } from '../config/config.js';
import { type References, resolvePath, textOf } from '../config/reference.js';

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
  if (nonces.sqlite !== undefined) {
    const { sqliteNonceStore } = await import('@countersign/server/nonces/sqlite');
    const file = resolvePath(references, nonces.sqlite);
    const store = atPath('nonces.sqlite', () => sqliteNonceStore({ file, skew }));
    return { store, close: async () => store.close() };
  }
  const { capacity, start } = nonces.memory ?? {};
  return { store: memoryNonceStore({ skew, capacity, start }), close: nothing };
}

function atPath<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new TypeError(`${path}: ${(error as Error).message}`);
  }
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

/** Is told what goes wrong with a store, though what it knew stays in use. */
export type OnStoreFault = (message: string) => void;

/**
 * Opens the store of keys. Files are followed while they change; what it connects to need not be there yet.
 *
 * @throws TypeError or RangeError that begins with the path of the bad value
 */
export async function openKeys(
  keys: KeysConfig,
  references: References,
  onFault: OnStoreFault = () => {},
): Promise<Opened<KeyStore>> {
  const onError = ({ message }: Error) => onFault(`keys: ${message}`);
  try {
    if (keys.file !== undefined) {
      const path = resolvePath(references, keys.file);
      const parse = /\.ya?ml$/i.test(path) ? parseYaml : undefined;
      return closing(watchKeyFile(path, { env: references.env, parse, onError }));
    }
    if (keys.directory !== undefined) {
      const { keyDirectory } = await import('@countersign/server/keys/directory');
      return closing(keyDirectory(resolvePath(references, keys.directory), { onError }));
    }
    if (keys.environment !== undefined) {
      const { environmentKeys } = await import('@countersign/server/keys/environment');
      return { store: environmentKeys(references.env), close: nothing };
    }
  } catch (error) {
    const { code, path, message } = error as NodeJS.ErrnoException;
    const why = code === undefined ? message : `cannot read ${path ?? keys.file} (${code})`;
    throw new TypeError(`keys.${Object.keys(keys)[0]}: ${why}`);
  }
  return openDatabaseKeys(keys, references);
}

function closing(store: KeyStore & { close(): void }): Opened<KeyStore> {
  return { store, close: async () => store.close() };
}

async function openDatabaseKeys(
  { redis, postgres, prefix, table, encryption = {}, cache = {} }: KeysConfig,
  references: References,
): Promise<Opened<KeyStore>> {
  const { keyEncryption, redisKeys } = await import('@countersign/server/keys/redis');
  const kept = Object.entries(encryption).map(
    ([id, text]) => [id, textOf(references, text, `keys.encryption.${id}`)] as const,
  );
  // In the order of the file: the schema refuses ids that an object would have before others.
  const [current = ''] = Object.keys(encryption);
  const sealed = keyEncryption({ current, keys: Object.fromEntries(kept) });
  const { ttl = 60, staleIfError = 300 } = cache;
  const cached = async (store: KeyStore) => {
    const { cachedKeys } = await import('@countersign/server/keys/cached');
    return cachedKeys(store, { ttl: ttl * 1000, staleIfError: staleIfError * 1000 });
  };
  if (redis !== undefined) {
    const { client, close } = await connectRedis(
      textOf(references, redis, 'keys.redis'),
      'keys.redis',
    );
    return { store: await cached(redisKeys({ client, encryption: sealed, prefix })), close };
  }
  const { postgresKeys } = await import('@countersign/server/keys/postgres');
  const pool = await connectPostgres(textOf(references, postgres as string, 'keys.postgres'));
  const store = postgresKeys({ pool, encryption: sealed, table });
  return { store: await cached(store), close: () => pool.end() };
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
  return {
    client,
    async close() {
      // A socket that is just being made is out of its reach, and would stay.
      if (!client.isReady) await attempted(client);
      client.destroy();
    },
  };
}

// Milliseconds. What takes longer to connect ends by itself, or has its socket by then.
const PATIENCE = 1_000;

/** Resolves once the client has connected or failed to, or takes long. */
function attempted(client: RedisClientType): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, PATIENCE);
    client.once('ready', done).once('error', done);
  });
}

async function connectPostgres(url: string) {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 250 });
  pool.on('error', () => {});
  return pool;
}
