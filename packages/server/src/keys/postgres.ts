import { setTimeout as delay } from 'node:timers/promises';
import {
  type PostgresPool,
  type PostgresQuery,
  type PostgresResult,
  poolOf,
  runOnce,
} from '../nonces/postgres/pool.js';
import { aBoolean, knownOptions } from '../options.js';
import {
  checkChange,
  type DatabaseOptions,
  type DatabaseSettings,
  databaseSettings,
  isCredential,
} from './database/database-options.js';
import { PendingAnswers } from './database/pending-answers.js';
import { KeyWriter, type WrittenKey } from './database/written-key.js';
import type { KeyEncryption } from './key-encryption.js';
import type { KeyRecord } from './key-store.js';
import type { LastUseStore } from './last-use.js';
import { TABLE } from './postgres/migrate-keys.js';
import {
  deleteSql,
  findSql,
  insertSql,
  type KeyTables,
  keyTables,
  listSql,
  lockSql,
  noteSql,
  updateSql,
} from './postgres/schema.js';
import { inTransaction, type Run } from './postgres/transaction.js';
import type { KeyEntry } from './static-keys.js';
import type { KeyListing, WritableKeyStore } from './writable-key-store.js';

export type { PostgresPool } from '../nonces/postgres/pool.js';
export {
  type KeyEncryption,
  type KeyEncryptionOptions,
  keyEncryption,
  newKeyEncryptionKey,
} from './key-encryption.js';
export { type LastUse, type LastUseOptions, type LastUseStore, trackLastUse } from './last-use.js';
export { keySchema, type MigrateKeysOptions, migrateKeys } from './postgres/migrate-keys.js';
export type { KeyListing, WritableKeyStore } from './writable-key-store.js';

/** Where a PostgreSQL keeps keys, and how they are encrypted. */
export interface PostgresKeysOptions extends DatabaseOptions {
  /** A `Pool` of `pg` with `connectionTimeoutMillis`, better its own than the application's, which may use it up. */
  readonly pool: PostgresPool;
  /** What {@link keyEncryption} made. */
  readonly encryption: KeyEncryption;
  /** Its table, `name` or `schema.name`; `countersign_keys` unless said otherwise. */
  readonly table?: string | undefined;
  /** Whether the server keeps the lookup prepared; `false` for a pooler of connections that cannot. True unless said otherwise. */
  readonly prepare?: boolean | undefined;
}

/** A key store that is written to, and remembers when its keys were used. */
export interface PostgresKeyStore extends WritableKeyStore, LastUseStore {
  find(credential: string): Promise<KeyRecord | undefined>;
  health(): Promise<void>;
}

// Of uses, how many one statement notes.
const BATCH = 1_000;

/**
 * Keeps keys in a table of PostgreSQL that many processes share, their secrets encrypted. Make the table with
 * {@link migrateKeys}. A lookup is one SELECT by the primary key; a change is one transaction, in which the row is locked.
 * Whoever only verifies needs SELECT on the table, and SELECT, INSERT and UPDATE on `…_used` to note uses.
 *
 * Whatever is not plainly a reply in time rejects, which a verifier answers with `key_store_unavailable`: so does a row that
 * was changed by hand, swapped with another, or sealed with an unknown key.
 *
 * @throws TypeError or RangeError that names the option
 * @example
 * const pool = new pg.Pool({ max: 10, connectionTimeoutMillis: 250 });
 * pool.on('error', ({ message }) => console.error(message));
 * await migrateKeys(pool);
 * const encryption = keyEncryption({ current: '2026-11', keys: { '2026-11': process.env.KEY_ENCRYPTION_KEY } });
 * const keys = postgresKeys({ pool, encryption });
 */
export function postgresKeys(options: PostgresKeysOptions): PostgresKeyStore {
  return new PostgresKeys(options);
}

class PostgresKeys implements PostgresKeyStore {
  readonly #settings: DatabaseSettings;
  readonly #writer: KeyWriter;
  readonly #pool: PostgresPool;
  readonly #tables: KeyTables;
  readonly #findQuery: PostgresQuery;
  readonly #pending = new PendingAnswers();

  constructor(options: PostgresKeysOptions) {
    const known = ['pool', 'encryption', 'table', 'prepare', 'deadline', 'changeDeadline'];
    knownOptions(options, known);
    const { pool, encryption, table = TABLE, prepare = true } = options;
    this.#settings = databaseSettings(options);
    this.#pool = poolOf(pool);
    this.#tables = keyTables(table);
    const text = findSql(this.#tables);
    this.#findQuery = aBoolean('prepare', prepare) ? { text, name: `find ${table}` } : { text };
    this.#writer = new KeyWriter(encryption);
  }

  async find(credential: string): Promise<KeyRecord | undefined> {
    if (!isCredential(credential)) return undefined;
    return this.#writer.find(credential, await this.#find(credential));
  }

  async health(): Promise<void> {
    await this.#find('');
  }

  async list(): Promise<readonly KeyListing[]> {
    const { changeDeadline } = this.#settings;
    const result = await this.#run({ text: listSql(this.#tables) }, changeDeadline);
    return rowsOf(result).map((row) => {
      const { credential, last_used: lastUsed } = row;
      const written = writtenOf(row);
      if (!isCredential(credential) || written === undefined) throw new Error(ELSE);
      return this.#writer.list(credential, written, timeOf(lastUsed));
    });
  }

  async change(
    credential: string,
    change: (key: KeyEntry | undefined) => KeyEntry | undefined,
  ): Promise<void> {
    checkChange(credential, change);
    const due = performance.now() + this.#settings.changeDeadline;
    while (!(await this.#changeOnce(credential, change, due))) {
      // Somebody else has just made this key.
      await delay(Math.random() * 10);
    }
  }

  async noteUses(uses: ReadonlyMap<string, number>): Promise<void> {
    const text = noteSql(this.#tables);
    const all = [...uses];
    for (let i = 0; i < all.length; i += BATCH) {
      const batch = all.slice(i, i + BATCH);
      const values = [batch.map(([credential]) => credential), batch.map(([, time]) => time)];
      const { changeDeadline } = this.#settings;
      const { command } = await this.#run({ text, values }, changeDeadline);
      if (command !== 'INSERT') throw new Error(ELSE);
    }
  }

  async #find(credential: string): Promise<WrittenKey | undefined> {
    const query = { ...this.#findQuery, values: [credential] };
    const rows = rowsOf(await this.#run(query, this.#settings.deadline));
    const [row] = rows;
    if (rows.length !== 1 || row?.asked !== credential) throw new Error(ELSE);
    return writtenOf(row);
  }

  /** False if it is to be begun anew. */
  async #changeOnce(
    credential: string,
    change: (key: KeyEntry | undefined) => KeyEntry | undefined,
    due: number,
  ): Promise<boolean> {
    const deadline = due - performance.now();
    if (deadline <= 0) throw new Error('others changed the key again and again');
    let thrown: { readonly error: unknown } | undefined;
    const work = async (run: Run): Promise<boolean> => {
      const [row] = rowsOf(await run(lockSql(this.#tables), [credential]));
      const before = row === undefined ? undefined : writtenOf(row);
      let after: WrittenKey | undefined;
      try {
        const next = change(before && this.#writer.entry(credential, before));
        after = next === undefined ? undefined : this.#writer.write(credential, next);
      } catch (error) {
        thrown = { error };
        return false;
      }
      return this.#put(run, credential, before, after);
    };
    const transaction = () => inTransaction(this.#pool, deadline, work);
    const isDone = await this.#pending.ask(transaction, deadline);
    if (thrown !== undefined) throw thrown.error;
    return isDone;
  }

  async #put(
    run: Run,
    credential: string,
    before: WrittenKey | undefined,
    after: WrittenKey | undefined,
  ): Promise<boolean> {
    if (after === undefined && before === undefined) return true;
    const [text, values] =
      after === undefined
        ? [deleteSql, []]
        : [before === undefined ? insertSql : updateSql, [after.entry, after.sealed]];
    const { rowCount } = await run(text(this.#tables), [credential, ...values]);
    if (before !== undefined && rowCount !== 1) throw new Error(ELSE);
    return rowCount === 1;
  }

  #run(query: PostgresQuery, deadline: number): Promise<PostgresResult> {
    return this.#pending.ask(() => runOnce(this.#pool, query, deadline), deadline);
  }
}

const ELSE = 'PostgreSQL answered something else';

function rowsOf({ command, rowCount, rows }: PostgresResult) {
  if (command !== 'SELECT' || rowCount !== rows.length) throw new Error(ELSE);
  return rows;
}

/** @throws Error if the row has neither both parts nor none */
function writtenOf({ entry, sealed }: Record<string, unknown>): WrittenKey | undefined {
  if (entry === null && sealed === null) return undefined;
  if (typeof entry !== 'string' || typeof sealed !== 'string') throw new Error(ELSE);
  return { entry, sealed };
}

function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : undefined;
}
