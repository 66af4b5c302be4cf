import { aBoolean, knownOptions, optionalFunction, wholeNumber } from '../options.js';
import type { NonceStore, NonceVerdict } from './nonce-store.js';
import {
  onConnection,
  type PostgresPool,
  type PostgresQuery,
  type PostgresResult,
  poolOf,
  StatementRunner,
} from './postgres/pool.js';
import { type PostgresPurge, type PurgeSettings, purgeExpired } from './postgres/purge.js';
import {
  claimSql,
  healthSql,
  lostSql,
  schemaSql,
  type TableNames,
  tableNames,
  timelineSql,
  whySql,
} from './postgres/schema.js';
import { claimDigest } from './shared/claim-digest.js';
import { PendingClaims } from './shared/pending-claims.js';
import {
  SHARED_OPTIONS,
  type SharedSettings,
  type SharedStoreOptions,
  sharedSettings,
} from './shared/store-options.js';

export type { PostgresPool } from './postgres/pool.js';
export type { PostgresPurge } from './postgres/purge.js';
export type { SharedStoreOptions } from './shared/store-options.js';

const TABLE = 'countersign_nonces';
// A single-use URL lives for a week at most (seconds).
const LONGEST = 8 * 86_400;

/** Where a Postgres store keeps its nonces, and for how long. */
export interface PostgresNonceStoreOptions extends SharedStoreOptions {
  /** A `Pool` of `pg` with `connectionTimeoutMillis`, better its own than the application's, which may use it up. */
  readonly pool: PostgresPool;
  /** Its table, `name` or `schema.name`; `countersign_nonces` unless said otherwise. */
  readonly table?: string | undefined;
  /** When expired nonces are removed; `false` leaves that to another process. */
  readonly purge?: PostgresPurge | false | undefined;
  /** Whether the server keeps the statement prepared; `false` for a pooler of connections that cannot. True unless said otherwise. */
  readonly prepare?: boolean | undefined;
}

/** A store that has something to close. */
export interface PostgresNonceStore extends Required<NonceStore> {
  /** Removes expired nonces now, and tells how many. Rejects if the server does not answer. */
  purge(): Promise<number>;
  /** Stops purging. The pool stays open. */
  close(): void;
}

const OPTIONS = [...SHARED_OPTIONS, 'pool', 'table', 'purge', 'prepare'];

/**
 * Remembers nonces in a table of PostgreSQL that many processes share, each by one `INSERT … ON CONFLICT DO NOTHING` on a
 * connection of its own, outside of any transaction of the application. Make the table with {@link migrateNonces}.
 *
 * What it promises. A pair is in the table until its last second is `clockMargin` seconds past by the clock of the server,
 * and what is at or before the horizon of the last purge is `unavailable`: no pair is fresh twice, whatever the clocks do,
 * restarts and `kill -9` included, as long as the server keeps what it has committed (`fsync` and `synchronous_commit`
 * on). After a failover to a standby that may lack the last commits, it refuses what is dated up to the second in which
 * that was noticed, before the next claim; the hole that remains is a caller whose clock ran ahead: `start: 'strict'`
 * closes it, and a synchronous standby loses nothing. A table that is restored from a backup, or truncated, is not
 * noticed: run {@link migrateNonces} with `lost: true` then.
 *
 * @throws TypeError or RangeError that names the option
 * @example
 * const pool = new pg.Pool({ max: 10, connectionTimeoutMillis: 250, statement_timeout: 1_000 });
 * pool.on('error', ({ message }) => console.error(message));
 * await migrateNonces(pool);
 * const nonces = postgresNonceStore({ pool });
 */
export function postgresNonceStore(options: PostgresNonceStoreOptions): PostgresNonceStore {
  return new Store(options);
}

class Store implements PostgresNonceStore {
  readonly #settings: SharedSettings;
  readonly #pool: PostgresPool;
  readonly #names: TableNames;
  readonly #claimQuery: PostgresQuery;
  readonly #whyQuery: PostgresQuery;
  readonly #statements: StatementRunner;
  readonly #pending: PendingClaims;
  readonly #purge: PurgeSettings;
  readonly #timer: NodeJS.Timeout | undefined;
  #closed = false;
  // Of the state of the table what was seen last: neither ever goes back.
  #horizon = 0;
  #since = 0;

  constructor(options: PostgresNonceStoreOptions) {
    knownOptions(options, OPTIONS);
    const { pool, table = TABLE, purge = {}, prepare = true } = options;
    this.#settings = sharedSettings(options);
    this.#pool = poolOf(pool);
    this.#names = tableNames(table);
    aBoolean('prepare', prepare);
    const query = (name: string, text: string) =>
      prepare ? { text, name: `${name} ${table}` } : { text };
    this.#claimQuery = query('claim', claimSql(this.#names));
    this.#whyQuery = query('why', whySql(this.#names));
    this.#statements = new StatementRunner(this.#pool, this.#settings.deadline);
    this.#pending = new PendingClaims(this.#settings.deadline);
    this.#purge = purgeOf(purge === false ? {} : purge);
    if (purge !== false) {
      const again = () => this.purge().catch(() => {}); // the next time will do
      this.#timer = setInterval(again, this.#purge.every * 1000).unref();
    }
  }

  get skew(): number {
    return this.#settings.skew;
  }

  claim(
    credential: string,
    nonce: string,
    expiresAt: number,
    date = expiresAt - this.#settings.skew,
  ): NonceVerdict | Promise<NonceVerdict> {
    const { skew, clockMargin, start, now } = this.#settings;
    const life = expiresAt + 1 + clockMargin - now() / 1000;
    if (!(Number.isSafeInteger(expiresAt) && life > 0 && life <= LONGEST)) return 'unavailable';
    if (!Number.isSafeInteger(date) || this.#closed || !this.#pending.admits()) {
      return 'unavailable';
    }
    const dated = { normal: date, strict: date - skew, fresh: Number.MAX_SAFE_INTEGER }[start];
    if (!(expiresAt > this.#horizon && dated > this.#since)) return 'unavailable';
    const id = claimDigest(credential, nonce, 'hex');
    const { text, name } = this.#claimQuery;
    const inserted = this.#statements.run({ text, name, values: [id, expiresAt, dated] });
    return this.#pending.settle(inserted, (result) => this.#judge(result, id));
  }

  async health(): Promise<void> {
    const { rows } = await this.#statements.run({ text: healthSql(this.#names) });
    if (rows[0]?.ready !== true) throw new Error('PostgreSQL does not take a new row');
  }

  purge(): Promise<number> {
    const { clockMargin } = this.#settings;
    return purgeExpired(this.#pool, this.#names, clockMargin, this.#purge, () => this.#closed);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  #judge({ command, rowCount }: PostgresResult, id: string): NonceVerdict | Promise<NonceVerdict> {
    if (command !== 'INSERT') return 'unavailable';
    if (rowCount === 1) return 'fresh';
    return rowCount === 0 ? this.#whyNot(id) : 'unavailable';
  }

  /** Tells a replay from what may not be claimed, and learns up to where nothing may. */
  async #whyNot(id: string): Promise<NonceVerdict> {
    const { rows } = await this.#statements.run({ ...this.#whyQuery, values: [id] });
    const [state] = rows;
    if (state === undefined) return 'unavailable';
    this.#horizon = Math.max(this.#horizon, Number(state.horizon));
    this.#since = Math.max(this.#since, Number(state.since));
    if (state.moved === true) {
      // What the standby that took over had not received by then is lost.
      const second = Math.floor(this.#settings.now() / 1000);
      await this.#statements.run({ text: timelineSql(this.#names), values: [second] });
    }
    return state.known === true ? 'replayed' : 'unavailable';
  }
}

/** @throws TypeError or RangeError that names the option `purge` */
function purgeOf(purge: unknown): PurgeSettings {
  if (typeof purge !== 'object' || purge === null) {
    throw new TypeError('purge: expected an object or false');
  }
  for (const member of Object.keys(purge)) {
    if (member !== 'every' && member !== 'batch') {
      throw new TypeError(`purge: unknown member ${member}; known are every, batch`);
    }
  }
  const { every = 30, batch = 5_000 } = purge as PostgresPurge;
  return {
    every: wholeNumber('purge: every', every, 1, 3_600),
    batch: wholeNumber('purge: batch', batch, 1, 100_000),
  };
}

/** What {@link migrateNonces} may be told. */
export interface MigrateNoncesOptions {
  /** `name` or `schema.name`; `countersign_nonces` unless said otherwise. The schema must exist. */
  readonly table?: string | undefined;
  /** True if nonces may have been lost, by a backup that was restored: what is dated up to now is refused. */
  readonly lost?: boolean | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

/**
 * The schema of a store as SQL, for whoever migrates with tools of his own. It may be run any number of times.
 *
 * @param table - `name` or `schema.name`
 * @throws TypeError or RangeError if it is neither
 * @example writeFileSync('migrations/0007-nonces.sql', nonceSchema());
 */
export function nonceSchema(table: string = TABLE): string {
  return schemaSql(tableNames(table));
}

/**
 * Makes what a store needs, or leaves it as it is. Needs the right to create tables; the store itself needs SELECT, INSERT,
 * UPDATE and DELETE.
 *
 * To partition the table, create it before, by hash of `id`: `PARTITION BY HASH (id)`.
 *
 * @throws TypeError or RangeError that names the option; the error of the server
 * @example await migrateNonces(pool);
 */
export async function migrateNonces(
  pool: PostgresPool,
  options: MigrateNoncesOptions = {},
): Promise<void> {
  knownOptions(options, ['table', 'lost', 'now']);
  const { table = TABLE, lost = false, now } = options;
  aBoolean('lost', lost);
  const second = Math.floor((optionalFunction('now', now) ?? Date.now)() / 1000);
  const names = tableNames(table);
  await onConnection(pool, async (client) => {
    await client.query({ text: schemaSql(names, second) });
    if (lost) await client.query({ text: lostSql(names), values: [second] });
  });
}
