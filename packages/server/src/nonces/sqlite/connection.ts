import { setTimeout as delay } from 'node:timers/promises';
import { isBusy, isFull } from './built-in.js';
import { type NonceDatabase, type OpenOptions, openDatabase, ReplacedError } from './database.js';

// How long a file that could not be opened is left alone (ms).
const REOPEN_AFTER = 250;
// How long a lock that is taken is left alone (ms).
const PAUSE = 5;

export interface ConnectionOptions extends Pick<OpenOptions, 'sqlite' | 'file' | 'synchronous'> {
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** The file that stands at the path now: it is opened again once another does, or once it has failed. */
export class Connection {
  readonly #options: ConnectionOptions;
  #database: NonceDatabase | undefined;
  // Why it is not open, and until when that is not tried again (ms of `performance.now()`).
  #fault: unknown;
  #reopenAt = 0;
  #wasOpen = false;
  #closed = false;

  /** @throws Error if the file cannot be used; not for what passes by itself */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    try {
      this.#opened();
    } catch (error) {
      if (isBusy(error) || isFull(error) || error instanceof ReplacedError) return;
      throw new Error(`file: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }

  /** @throws what SQLite says, or why the file is not open */
  use<T>(action: (database: NonceDatabase) => T): T {
    const database = this.#opened();
    try {
      return action(database);
    } catch (error) {
      if (!isBusy(error) && !isFull(error)) this.#drop();
      throw error;
    }
  }

  /**
   * The same, again and again while another process has the lock.
   *
   * @param deadline - milliseconds
   */
  async useOnceFree<T>(deadline: number, action: (database: NonceDatabase) => T): Promise<T> {
    const due = performance.now() + deadline;
    for (;;) {
      try {
        return this.use(action);
      } catch (error) {
        if (!isBusy(error) || performance.now() >= due) throw error;
      }
      await delay(PAUSE);
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #opened(): NonceDatabase {
    if (this.#closed) throw new Error('the store is closed');
    if (this.#database?.isInPlace() === true) return this.#database;
    this.#drop();
    if (performance.now() < this.#reopenAt) throw this.#fault;
    const { now, ...options } = this.#options;
    const second = Math.floor(now() / 1000);
    try {
      // What was claimed before may not be in the file that stands there now.
      this.#database = openDatabase({ ...options, second, lost: this.#wasOpen });
    } catch (error) {
      this.#fault = error;
      if (!isBusy(error)) this.#reopenAt = performance.now() + REOPEN_AFTER;
      throw error;
    }
    this.#wasOpen = true;
    return this.#database;
  }

  #drop(): void {
    const database = this.#database;
    this.#database = undefined;
    try {
      database?.close();
    } catch {} // it is of no more use
  }
}
