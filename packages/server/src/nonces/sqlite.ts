import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { knownOptions, optionIn } from '../options.js';
import type { NonceStore, NonceVerdict } from './nonce-store.js';
import { claimDigest } from './shared/claim-digest.js';
import {
  SHARED_OPTIONS,
  type SharedSettings,
  type SharedStoreOptions,
  sharedSettings,
} from './shared/store-options.js';
import { builtInSqlite } from './sqlite/built-in.js';
import { ClaimQueue } from './sqlite/claim-queue.js';
import { Connection } from './sqlite/connection.js';
import type { NonceDatabase } from './sqlite/database.js';
import { type PurgeSettings, purgeSettings, type SqlitePurge } from './sqlite/purge.js';

export type { SharedStoreOptions } from './shared/store-options.js';
export type { SqlitePurge } from './sqlite/purge.js';

// A single-use URL lives for a week at most (seconds).
const LONGEST = 8 * 86_400;
// A batch of a purge may wait for the lock longer than a claim (ms).
const PURGE_DEADLINE = 10_000;
const PURGE_PAUSE = 5;

/** Where an SQLite store keeps its nonces, and for how long. */
export interface SqliteNonceStoreOptions extends SharedStoreOptions {
  /** Path of the database on a disk of this machine; it is made if it is not there, its folder is not. Two files stand beside it, `-wal` and `-shm`. */
  readonly file: string;
  /**
   * When a claim is on the disk: `normal` shortly after its answer (a process may be killed at any time, but a power failure
   * takes the last claims along), `full` before it (a power failure takes none). `normal` unless said otherwise.
   */
  readonly synchronous?: 'normal' | 'full' | undefined;
  /** When expired nonces are removed; `false` leaves that to another process. */
  readonly purge?: SqlitePurge | false | undefined;
}

/** A store that has something to close. */
export interface SqliteNonceStore extends Required<NonceStore> {
  /** Removes expired nonces now, and tells how many. Rejects if the file cannot be written. */
  purge(): Promise<number>;
  /** Stops purging and closes the file. */
  close(): void;
}

const OPTIONS = [...SHARED_OPTIONS, 'file', 'synchronous', 'purge'];

/**
 * Remembers nonces in an SQLite file that the processes of one machine share, by the SQLite that comes with Node (22.13 or
 * later). Claims that arrive together share one transaction.
 *
 * What it promises. No pair is fresh twice, whatever the clocks do, restarts and `kill -9` included: what was purged is at or
 * before a horizon that the file keeps, and a claim up to there is `unavailable`. When the machine was restarted, or the
 * file was removed or replaced under the store, it refuses what is dated up to the second in which that was noticed, before
 * the next claim; the hole that remains is a caller whose clock ran ahead: `start: 'strict'` closes it, and after a power
 * failure so does `synchronous: 'full'`. A file that is put back from a backup while no process has it open is not noticed:
 * remove it instead.
 *
 * A full disk, a file that is damaged, read-only or gone is `unavailable`; it is opened again until that goes well. SQLite
 * runs in the thread of the event loop, for some milliseconds at a time. A lock that another process holds is not waited
 * for there but tried again, until `deadline`; a disk that is slow holds up the process.
 *
 * @throws TypeError or RangeError that names the option; Error if Node has no SQLite, or if the file cannot be used
 * @example
 * const nonces = sqliteNonceStore({ file: '/var/lib/orders/nonces.db' });
 */
export function sqliteNonceStore(options: SqliteNonceStoreOptions): SqliteNonceStore {
  return new Store(options);
}

class Store implements SqliteNonceStore {
  readonly #settings: SharedSettings;
  readonly #connection: Connection;
  readonly #queue: ClaimQueue;
  readonly #purge: PurgeSettings;
  readonly #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SqliteNonceStoreOptions) {
    knownOptions(options, OPTIONS);
    const { synchronous = 'normal', purge = {} } = options;
    this.#settings = sharedSettings(options);
    const { now, deadline } = this.#settings;
    const file = pathOf(options.file);
    optionIn('synchronous', synchronous, ['normal', 'full']);
    this.#purge = purgeSettings(purge === false ? {} : purge);
    this.#connection = new Connection({ sqlite: builtInSqlite(), file, synchronous, now });
    this.#queue = new ClaimQueue(this.#connection, deadline);
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
    if (!Number.isSafeInteger(date) || this.#closed) return 'unavailable';
    const dated = { normal: date, strict: date - skew, fresh: Number.MAX_SAFE_INTEGER }[start];
    const id = Buffer.from(claimDigest(credential, nonce, 'hex'), 'hex');
    return this.#queue.add(id, expiresAt, dated);
  }

  health(): Promise<void> {
    const { deadline } = this.#settings;
    return this.#connection.useOnceFree(deadline, (database) => database.write());
  }

  async purge(): Promise<number> {
    const { clockMargin, now } = this.#settings;
    const second = Math.floor(now() / 1000) - clockMargin;
    const { batch } = this.#purge;
    const remove = (database: NonceDatabase) => database.purge(second, batch);
    let removed = 0;
    for (let last = batch; last === batch; ) {
      last = await this.#connection.useOnceFree(PURGE_DEADLINE, remove);
      removed += last;
      if (last === batch) await delay(PURGE_PAUSE);
    }
    return removed;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#queue.clear();
    this.#connection.close();
  }
}

/** Absolute, so that it stays where it is, and is never taken for a URI or for memory. */
function pathOf(file: unknown): string {
  if (typeof file !== 'string') throw new TypeError('file: expected a string');
  if (file === '' || file.includes('\0')) throw new RangeError('file: expected a path');
  return resolve(file);
}
