import type { KeyEncryption, KeyEncryptionOptions } from '@countersign/server/keys/redis';
import type { StoreOptions } from '../commands/keys.js';
import { asUsage, systemCode, unavailable, usage } from '../exit.js';
import { withoutSecrets } from '../output.js';
import type { EncryptionKeys } from './encryption-keys.js';
import { type DatabasePlace, placeOf } from './place.js';
import type { WritableKeyStore } from './writable-key-store.js';

/** A store, what it is called in messages, and what ends it. */
interface Opened {
  readonly store: WritableKeyStore;
  readonly name: string;
  close(): Promise<void>;
}

// How long a connection may take (ms).
const CONNECT = 5_000;
// A person waits, not a request (ms).
const ANSWER = 10_000;
const DEADLINES = { deadline: ANSWER, changeDeadline: ANSWER };

/**
 * Does something with the store that is meant, and closes it.
 *
 * @param create - whether the table is made if there is none
 */
export async function withStore<T>(
  options: StoreOptions,
  action: (store: WritableKeyStore, name: string) => Promise<T>,
  create = false,
): Promise<T> {
  const place = await placeOf(options, process.env);
  if (place.kind === 'file') {
    const { fileStore } = await import('./file-store.js');
    return action(fileStore(place.path), place.path);
  }
  const { store, name, close } = await (place.kind === 'redis'
    ? openRedis(place)
    : openPostgres(place, create));
  try {
    return await action(told(store, name), name);
  } finally {
    await close();
  }
}

async function openRedis({ url, within, encryption, source }: DatabasePlace): Promise<Opened> {
  const [{ createClient }, { redisKeys, keyEncryption }] = await Promise.all([
    import('redis'),
    import('@countersign/server/keys/redis'),
  ]);
  const sealed = encryptionFrom(encryption, keyEncryption);
  const client = clientFor(() =>
    createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout: CONNECT, reconnectStrategy: false },
    }),
  );
  client.on('error', () => {}); // told by what asked
  const named = within === undefined ? {} : { prefix: within };
  const store = asUsage(
    () => redisKeys({ client, encryption: sealed, ...named, ...DEADLINES }),
    asOption,
  );
  await inTime(client.connect()).catch((error: unknown) => {
    if (client.isOpen) client.destroy();
    throw unavailable(`${source}: cannot reach Redis (${reasonOf(error)})`);
  });
  return { store, name: 'Redis', close: async () => client.destroy() };

  function clientFor<T>(make: () => T): T {
    try {
      return make();
    } catch {
      // Its message may repeat the password.
      throw usage(`${source}: expected a URL such as redis://127.0.0.1:6379`);
    }
  }
}

/** The client's own timeout ends with TCP: a server that accepts and says nothing would be waited for without end. */
async function inTime(connecting: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), CONNECT);
  });
  try {
    await Promise.race([connecting, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function openPostgres(
  { url, within, encryption, source }: DatabasePlace,
  create: boolean,
): Promise<Opened> {
  if (!/^postgres(?:ql)?:\/\//.test(url)) {
    throw usage(`${source}: expected a URL such as postgres://127.0.0.1:5432/app`);
  }
  const [{ default: pg }, { postgresKeys, migrateKeys, keyEncryption }] = await Promise.all([
    import('pg'),
    import('@countersign/server/keys/postgres'),
  ]);
  const sealed = encryptionFrom(encryption, keyEncryption);
  const pool = new pg.Pool({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: CONNECT,
    // No statement_timeout, which a pooler of connections may refuse.
    query_timeout: ANSWER,
  });
  pool.on('error', () => {}); // told by what asked
  const named = within === undefined ? {} : { table: within };
  const close = () => pool.end();
  try {
    const store = asUsage(
      () => postgresKeys({ pool, encryption: sealed, prepare: false, ...named, ...DEADLINES }),
      asOption,
    );
    const text = 'SELECT to_regclass($1) IS NOT NULL AS there';
    const table = (within ?? 'countersign_keys').split('.').map((part) => `"${part}"`);
    const { rows } = await pool.query(text, [table.join('.')]);
    if (rows[0]?.there !== true) {
      if (!create)
        throw usage(`${source}: there is no table of keys; countersign keys add makes it`);
      await migrateKeys(pool, named);
    }
    return { store, name: 'PostgreSQL', close };
  } catch (error) {
    await close();
    if (isOurs(error)) throw error;
    throw unavailable(`${source}: cannot use PostgreSQL (${reasonOf(error)})`);
  }
}

function encryptionFrom(
  { source, current, keys }: EncryptionKeys,
  make: (options: KeyEncryptionOptions) => KeyEncryption,
): KeyEncryption {
  return asUsage(
    () => make({ current, keys }),
    (message) => `${source}: ${message}`,
  );
}

/** What a store cannot do, as this command tells it. */
function told(store: WritableKeyStore, name: string): WritableKeyStore {
  const tell = (error: unknown): never => {
    if (isOurs(error)) throw error;
    throw unavailable(`${name}: ${reasonOf(error)}`);
  };
  return {
    find: (credential) => store.find(credential),
    list: () => store.list().catch(tell),
    change: (credential, change) =>
      store.change(credential, change).catch((error: unknown) => {
        if (isOurs(error)) throw error;
        throw unavailable(
          `${name}: ${reasonOf(error)}; the change may have been made: look with countersign keys list`,
        );
      }),
  };
}

/** True for what is thrown by this command, and not by a database. */
function isOurs(error: unknown): boolean {
  return error instanceof Error && 'exitCode' in error;
}

/** Why, without anything of a URL. */
function reasonOf(error: unknown): string {
  const code = systemCode(error);
  if (!(error instanceof Error) || error.message === '') return code ?? 'no reason given';
  const message = withoutSecrets(error.message).replace(/\b[a-z]+:\/\/\S+/gi, '[url]');
  return code === undefined || message.includes(code) ? message : `${message}, ${code}`;
}

function asOption(message: string): string {
  return message.replace(/^(prefix|table):/, '--$1:');
}
