import { knownOptions, optionalFunction, wholeNumber } from '../../options.js';
import type { KeyRecord, KeyStore } from '../key-store.js';
import { shownError } from './named-error.js';
import { Reading } from './reading.js';

/** How a store of files is kept up to date. */
export interface WatchOptions {
  /** Milliseconds between two looks at the files, 10–3,600,000; 1,000 unless said otherwise. */
  readonly pollInterval?: number | undefined;
  /** Is told when changed keys are in use, and when keys that could not be read can be read again. */
  readonly onReload?: (() => void) | undefined;
  /**
   * Is told once of every change that cannot be used, with a message that holds no secret; the keys read before it stay in
   * use. A warning of the process (`COUNTERSIGN_KEYS_NOT_RELOADED`) unless given.
   */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** A key store that follows its files. */
export interface WatchedKeyStore extends KeyStore {
  /** Looks at the files now; rejects if the keys in use are not those of the files, or the store is closed. */
  health(): Promise<void>;
  /** Looks no more. The keys stay as they are. */
  close(): void;
}

/** What is watched. */
export interface KeySource {
  /** Reads everything anew. */
  load(reading: Reading): ReadonlyMap<string, KeyRecord>;
  /** Changes whenever what would be read does. Never rejects. `paths` are those of the last reading. */
  stamp(paths: readonly string[]): Promise<string>;
}

export const WATCH_OPTIONS: readonly string[] = ['pollInterval', 'onReload', 'onError'];

// What changed less than so many milliseconds ago may be half written.
const SETTLE = 100;
// File systems that count time in seconds show a second change within one of them by nothing: it is read once more after it.
const COARSEST_CLOCK = 1_000;
const MOST_UNSETTLED = 20;

/**
 * Keeps keys as they are in their files. The files are looked at by a timer, never for a request: nothing that a stranger
 * sends touches the disk, and a file system that hangs holds nothing up but the next look. `stat` rather than `fs.watch`, which
 * misses files that are replaced, links that are pointed elsewhere (Kubernetes) and whatever happens on NFS.
 */
export class WatchedKeys implements WatchedKeyStore {
  readonly #source: KeySource;
  readonly #interval: number;
  readonly #settle: number;
  readonly #onReload: () => void;
  readonly #onError: (error: Error) => void;
  #records: ReadonlyMap<string, KeyRecord>;
  #digest: string;
  #paths: readonly string[];
  #stamp: string | undefined;
  // When this stamp was first seen, and how often the files were read since; a look that saw another one begins anew.
  #stampSince = 0;
  #reads = 0;
  #unsettled = 0;
  #error: Error | undefined;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws TypeError or RangeError that names the option, and what `load` throws */
  constructor(source: KeySource, options: WatchOptions) {
    const { pollInterval = 1_000, onReload, onError } = options;
    this.#source = source;
    this.#interval = wholeNumber('pollInterval', pollInterval, 10, 3_600_000);
    this.#settle = Math.min(SETTLE, this.#interval);
    this.#onReload = optionalFunction('onReload', onReload) ?? (() => {});
    this.#onError = optionalFunction('onError', onError) ?? warn;
    const reading = new Reading();
    this.#records = source.load(reading);
    this.#digest = reading.digest();
    this.#paths = reading.paths;
    this.#wait();
  }

  find(credential: string): KeyRecord | undefined {
    return this.#records.get(credential);
  }

  async health(): Promise<void> {
    if (this.#closed) throw new Error('the key store is closed');
    await this.#look();
    if (this.#error !== undefined) throw this.#error;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#closed) return;
    const milliseconds = this.#unsettled > 0 ? this.#settle : this.#interval;
    this.#timer = setTimeout(() => this.#look().then(() => this.#wait()), milliseconds);
    this.#timer.unref();
  }

  /** One look at a time, whoever asks for it. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookNow(): Promise<void> {
    const stamp = await this.#source.stamp(this.#paths);
    if (stamp !== this.#stamp) return this.#changed(stamp);
    const age = performance.now() - this.#stampSince;
    const due = this.#reads === 0 ? this.#settle : this.#settle + COARSEST_CLOCK;
    // What could not be read is tried again: a fault of the file system leaves no trace in the stamp.
    const done = this.#reads > 1 && this.#error === undefined;
    if (done || age < due || this.#closed) return;
    const reading = new Reading();
    let records: ReadonlyMap<string, KeyRecord> | undefined;
    let fault: unknown;
    try {
      records = this.#source.load(reading);
    } catch (error) {
      fault = error;
    }
    // Files that changed while they were read may have been read half before and half after.
    const after = await this.#source.stamp(this.#paths);
    if (after !== this.#stamp) return this.#changed(after);
    if (this.#closed) return;
    this.#reads++;
    this.#unsettled = 0;
    this.#paths = reading.paths;
    if (records === undefined) this.#failed(fault);
    else this.#loaded(records, reading.digest());
  }

  #changed(stamp: string): void {
    this.#stamp = stamp;
    this.#stampSince = performance.now();
    this.#reads = 0;
    if (++this.#unsettled > MOST_UNSETTLED) {
      this.#failed(new Error('the files of the keys change faster than they can be read'));
    }
  }

  #loaded(records: ReadonlyMap<string, KeyRecord>, digest: string): void {
    const news = this.#error !== undefined || digest !== this.#digest;
    this.#error = undefined;
    if (!news) return;
    this.#records = records;
    this.#digest = digest;
    tell(this.#onReload);
  }

  #failed(fault: unknown): void {
    const error = shownError(fault);
    const news = this.#error?.message !== error.message;
    this.#error = error;
    if (news) tell(() => this.#onError(error));
  }
}

/** The options of a watched store, checked for what is no option of it. */
export function knownWatchOptions(options: unknown, others: readonly string[]): void {
  knownOptions(options, [...others, ...WATCH_OPTIONS]);
}

function warn({ message }: Error): void {
  process.emitWarning(`${message}; the keys read before stay in use`, {
    code: 'COUNTERSIGN_KEYS_NOT_RELOADED',
  });
}

/** What a hook throws, or rejects with, changes nothing: whoever watches must not decide. */
function tell(hook: () => unknown): void {
  try {
    Promise.resolve(hook()).catch(() => {});
  } catch {}
}
