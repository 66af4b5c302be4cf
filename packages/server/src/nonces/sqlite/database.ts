import { accessSync, constants } from 'node:fs';
import type * as Sqlite from 'node:sqlite';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NonceVerdict } from '../nonce-store.js';
import { bootOf } from './boot.js';
import { DatabaseFiles, fileIdentity } from './files.js';
import {
  BOUND,
  CLAIM,
  FORGET,
  isOurs,
  KNOWN,
  type Opening,
  PURGE,
  prepareSchema,
  RAISE,
  STATE,
} from './schema.js';

// No claim has it: those are 16 bytes long.
const NOBODYS = new Uint8Array(1);

/** How a file is opened. */
export interface OpenOptions extends Omit<Opening, 'boot'> {
  readonly sqlite: typeof Sqlite;
  readonly file: string;
  readonly synchronous: 'normal' | 'full';
}

/** One claim of several. */
export interface DatabaseClaim {
  readonly id: Uint8Array;
  /** Whole seconds since 1970. */
  readonly expiresAt: number;
  /** Whole seconds since 1970, by the start rule of the store. */
  readonly dated: number;
}

/** The file was replaced while it was being opened, or somebody still has one that was removed. */
export class ReplacedError extends Error {
  constructor() {
    super('it was replaced meanwhile');
  }
}

/** @throws the error of SQLite, or one that says what is wrong with the file; with the lock of another it is busy */
export function openDatabase(options: OpenOptions): NonceDatabase {
  // Of a file that is made just now it cannot be told whether it stands there still; of one that was there before it can.
  if (fileIdentity(options.file) === undefined) new NonceDatabase(options).close();
  // SQLite would open it to read, and leave a WAL that is read-only as well.
  accessSync(options.file, constants.W_OK);
  return new NonceDatabase(options);
}

/** One connection to a file of nonces. Nothing here waits for a lock: whoever finds it taken gets an error that is busy. */
export class NonceDatabase {
  readonly #database: DatabaseSync;
  readonly #files: DatabaseFiles;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #state: StatementSync;
  readonly #claim: StatementSync;
  readonly #known: StatementSync;
  readonly #forget: StatementSync;
  readonly #bound: StatementSync;
  readonly #raise: StatementSync;
  readonly #purge: StatementSync;

  constructor({ sqlite, file, synchronous, second, lost }: OpenOptions) {
    const before = fileIdentity(file);
    const database = new sqlite.DatabaseSync(file);
    this.#database = database;
    try {
      database.exec(`PRAGMA busy_timeout = 0; PRAGMA synchronous = ${synchronous}`);
      // Before anything is changed: it may be somebody else's.
      isOurs(database);
      const mode = database.prepare('PRAGMA journal_mode = WAL').get();
      if (mode?.journal_mode !== 'wal') throw new Error('the file system cannot keep a WAL');
      this.#begin = database.prepare('BEGIN IMMEDIATE');
      this.#commit = database.prepare('COMMIT');
      this.#rollback = database.prepare('ROLLBACK');
      this.#transact(() => prepareSchema(database, { second, lost, boot: bootOf() }));
      this.#state = database.prepare(STATE);
      this.#claim = database.prepare(CLAIM);
      this.#known = database.prepare(KNOWN);
      this.#forget = database.prepare(FORGET);
      this.#bound = database.prepare(BOUND);
      this.#raise = database.prepare(RAISE);
      this.#purge = database.prepare(PURGE);
      this.#files = new DatabaseFiles(file);
      const isReplaced = before !== undefined && before !== fileIdentity(file);
      if (isReplaced || !this.#files.areInPlace()) throw new ReplacedError();
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Whether this is still what others find at the path. */
  isInPlace(): boolean {
    return this.#files.areInPlace();
  }

  /** Claims all of them in one transaction, in their order. */
  claim(claims: readonly DatabaseClaim[]): NonceVerdict[] {
    return this.#transact(() => {
      const state = this.#state.get();
      const horizon = state?.horizon;
      const since = state?.since;
      if (typeof horizon !== 'number' || typeof since !== 'number') throw new Error('no state');
      return claims.map(({ id, expiresAt, dated }) => {
        if (expiresAt > horizon && dated > since) {
          return this.#claim.run(id, expiresAt).changes === 1 ? 'fresh' : 'replayed';
        }
        return this.#known.get(id) === undefined ? 'unavailable' : 'replayed';
      });
    });
  }

  /**
   * Removes up to `batch` of those that expired by `second`, and notes up to where: no claim can meet a gap where a row was
   * and take it for a nonce that is new.
   *
   * @returns how many were removed
   */
  purge(second: number, batch: number): number {
    // Most of the time there is nothing to do, and no reason to lock others out.
    if (this.#bound.get(second, 1)?.bound === null) return 0;
    return this.#transact(() => {
      const bound = this.#bound.get(second, batch)?.bound;
      if (typeof bound !== 'number') return 0;
      this.#raise.run(bound);
      return Number(this.#purge.run(bound, batch).changes);
    });
  }

  /** Writes as a claim does, and leaves nothing of it. */
  write(): void {
    this.#transact(() => {
      if (this.#state.get() === undefined) throw new Error('its state is gone');
      this.#claim.run(NOBODYS, 0);
      this.#forget.run(NOBODYS);
    });
  }

  close(): void {
    this.#database.close();
  }

  #transact<T>(body: () => T): T {
    this.#begin.run();
    try {
      const result = body();
      this.#commit.run();
      return result;
    } catch (error) {
      try {
        this.#rollback.run();
      } catch {} // SQLite has rolled back by itself
      throw error;
    }
  }
}
