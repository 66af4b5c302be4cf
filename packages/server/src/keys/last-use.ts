import type { VerificationEvent } from '../events.js';
import { knownOptions, optionalFunction, wholeNumber } from '../options.js';

/** A key store that remembers when its keys were used. */
export interface LastUseStore {
  /** Notes when each credential was used last, in milliseconds since 1970. What is known to be later stays. */
  noteUses(uses: ReadonlyMap<string, number>): Promise<void>;
}

/** How often uses are written, and how many are held until then. */
export interface LastUseOptions {
  /** Seconds from one write to the next, 1–3,600; 60 unless said otherwise. */
  readonly every?: number | undefined;
  /** How many credentials are held, 1–1,000,000; beyond them, it is written earlier. 10,000 unless said otherwise. */
  readonly most?: number | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

/** What notes uses. */
export interface LastUse {
  /** Notes what is accepted: the `onEvent` of a verifier, or called from it. */
  readonly onEvent: (event: VerificationEvent) => void;
  /** Writes what has not been written. Rejects if the store does not take it; then it is kept for the next time. */
  flush(): Promise<void>;
  /** The same, and stops. */
  close(): Promise<void>;
}

const MINUTE = 60_000;

/**
 * Tells a store when its keys were used last, to the minute: once a minute, however many requests there were, and beside
 * them. A store that fails is told again with the next ones; no request waits for it or is refused for it.
 *
 * @throws TypeError or RangeError that names the option
 * @example
 * const lastUse = trackLastUse(keys);
 * const verifier = createVerifier({ keys, onEvent: lastUse.onEvent, … });
 */
export function trackLastUse(store: LastUseStore, options: LastUseOptions = {}): LastUse {
  if (typeof store?.noteUses !== 'function') {
    throw new TypeError('store: expected a store of keys that notes uses');
  }
  knownOptions(options, ['every', 'most', 'now']);
  const { every = 60, most = 10_000, now } = options;
  return new Tracker(store, {
    every: wholeNumber('every', every, 1, 3_600),
    most: wholeNumber('most', most, 1, 1_000_000),
    now: optionalFunction('now', now) ?? Date.now,
  });
}

interface Settings {
  readonly every: number;
  readonly most: number;
  readonly now: () => number;
}

class Tracker implements LastUse {
  readonly #store: LastUseStore;
  readonly #settings: Settings;
  readonly #timer: NodeJS.Timeout;
  // The minute of each, in milliseconds since 1970.
  #uses = new Map<string, number>();
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(store: LastUseStore, settings: Settings) {
    this.#store = store;
    this.#settings = settings;
    this.#timer = setInterval(() => this.#flushQuietly(), settings.every * 1000).unref();
  }

  readonly onEvent = ({ type, credential }: VerificationEvent): void => {
    if (type !== 'accepted' || credential === undefined) return;
    const { most, now } = this.#settings;
    const minute = Math.floor(now() / MINUTE) * MINUTE;
    if (!Number.isSafeInteger(minute) || minute < 0) return; // a clock that is broken
    if (this.#uses.size < most || this.#uses.has(credential)) this.#uses.set(credential, minute);
    // A store that fails is not told again with every request.
    if (this.#uses.size >= most && !this.#failed) this.#flushQuietly();
  };

  async flush(): Promise<void> {
    // What is being written now may lack what was noted since.
    await this.#writing?.catch(() => {});
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.flush();
  }

  #flushQuietly(): void {
    if (this.#writing === undefined) this.flush().catch(() => {}); // the next time will do
  }

  async #write(): Promise<void> {
    const uses = this.#uses;
    if (uses.size === 0) return;
    this.#uses = new Map();
    try {
      await this.#store.noteUses(uses);
      this.#failed = false;
    } catch (error) {
      this.#failed = true;
      this.#keep(uses);
      throw error;
    }
  }

  #keep(uses: ReadonlyMap<string, number>): void {
    for (const [credential, minute] of uses) {
      if (this.#uses.size >= this.#settings.most) return;
      if (!this.#uses.has(credential)) this.#uses.set(credential, minute);
    }
  }
}
