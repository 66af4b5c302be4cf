import { aBoolean, knownOptions, optionIn, wholeNumber } from '../options.js';
import { isExpiry, NonceSet } from './nonce-set.js';
import type { NonceStore, NonceVerdict } from './nonce-store.js';
import { warnOfOtherProcesses } from './one-process.js';

// A single-use URL may live for a week; memory is no place to promise that (seconds).
const LONGEST = 86_400;
const SHARE = 3 / 4;

/** How a memory store starts and how much it holds. */
export interface MemoryNonceStoreOptions {
  /** Live nonces at most; then it refuses with `nonce_store_full`. 1,000,000 unless said otherwise. */
  readonly capacity?: number | undefined;
  /**
   * Live nonces of one credential at most, so that one that floods leaves room for the others; then it refuses those of this
   * credential with `nonce_store_full`. Three quarters of `capacity` unless said otherwise.
   */
  readonly perCredential?: number | undefined;
  /** True if it is known that other processes do not share its nonces, and no warning is wanted; false unless said otherwise. */
  readonly perProcess?: boolean | undefined;
  /** Skew of the verifier in seconds, 1–3,600; 300 unless said otherwise. */
  readonly skew?: number | undefined;
  /**
   * What a store that starts empty does about requests it may have accepted in an earlier life:
   * `normal` refuses those dated up to its start; `strict` those dated up to its start + skew (a caller whose clock
   * runs ahead); `fresh` none, for tests and development.
   */
  readonly start?: 'normal' | 'strict' | 'fresh' | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

/** A store that knows how much it holds. */
export interface MemoryNonceStore extends NonceStore {
  /** Nonces that are remembered now. */
  readonly size: number;
  /**
   * Has it hold more or fewer from now on, with what share of one credential it is told, or three quarters. Nothing is forgotten: if
   * there is more than that, nothing new is taken until enough of it has expired.
   *
   * @throws TypeError or RangeError that names the option
   */
  resize(capacity: number, perCredential?: number): void;
  /** It always answers. */
  health(): void;
}

const OPTIONS = ['capacity', 'perCredential', 'perProcess', 'skew', 'start', 'now'];

/**
 * Remembers nonces in this process, each exactly until the second it expires has passed. Nothing live is ever evicted.
 * Several processes need a shared store: each would accept a replay of what another accepted. A worker of `node:cluster` or an instance of
 * pm2 is warned of that.
 *
 * @throws TypeError or RangeError that names the option
 * @example memoryNonceStore({ capacity: 100_000 })
 */
export function memoryNonceStore(options: MemoryNonceStoreOptions = {}): MemoryNonceStore {
  return new Store(options);
}

class Store implements MemoryNonceStore {
  readonly skew: number;
  #capacity = 0;
  #perCredential = 0;
  readonly #now: () => number;
  readonly #used = new NonceSet();
  // What is dated up to this second may have been accepted in an earlier life.
  readonly #start: number;

  constructor(options: MemoryNonceStoreOptions) {
    knownOptions(options, OPTIONS);
    const { capacity = 1_000_000, skew = 300, start = 'normal', now = Date.now } = options;
    const { perProcess = false } = options;
    this.skew = wholeNumber('skew', skew, 1, 3600);
    this.resize(capacity, options.perCredential);
    if (!aBoolean('perProcess', perProcess)) warnOfOtherProcesses();
    if (typeof now !== 'function') throw new TypeError('now: expected a function');
    this.#now = now;
    optionIn('start', start, ['normal', 'strict', 'fresh']);
    const second = this.#second();
    this.#start =
      start === 'fresh' ? Number.NEGATIVE_INFINITY : second + (start === 'strict' ? this.skew : 0);
  }

  /** How many nonces are remembered now. */
  get size(): number {
    return this.#used.size;
  }

  resize(capacity: number, perCredential = Math.ceil(capacity * SHARE)): void {
    const most = wholeNumber('capacity', capacity, 1, 2 ** 24);
    this.#perCredential = wholeNumber('perCredential', perCredential, 1, most);
    this.#capacity = most;
  }

  health(): void {}

  claim(
    credential: string,
    nonce: string,
    expiresAt: number,
    date = expiresAt - this.skew,
  ): NonceVerdict {
    const used = this.#used;
    const second = this.#second();
    used.forget(second);
    if (used.has(credential, nonce)) return 'replayed';
    if (!(date > this.#start && expiresAt > used.horizon)) return 'unavailable';
    if (!isExpiry(expiresAt) || !(expiresAt - second <= LONGEST)) return 'unavailable';
    if (used.size >= this.#capacity || used.hasShare(this.#perCredential)) return 'full';
    used.add(expiresAt);
    return 'fresh';
  }

  #second(): number {
    return Math.floor(this.#now() / 1000);
  }
}
