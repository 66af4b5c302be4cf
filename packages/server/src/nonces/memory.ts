import { knownOptions, optionIn, wholeNumber } from '../options.js';
import { FingerprintTable } from './fingerprint-table.js';
import type { NonceStore, NonceVerdict } from './nonce-store.js';

// A single-use URL may live for a week; memory is no place to promise that (seconds).
const LONGEST = 86_400;

/** How a memory store starts and how much it holds. */
export interface MemoryNonceStoreOptions {
  /** Live nonces at most; then it refuses with `nonce_store_full`. 1,000,000 unless said otherwise. */
  readonly capacity?: number | undefined;
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

/**
 * Remembers nonces in this process, each exactly until the second it expires has passed. Nothing live is ever evicted.
 * Several processes need a shared store: each would accept a replay of what another accepted.
 *
 * @throws TypeError or RangeError that names the option
 * @example memoryNonceStore({ capacity: 100_000 })
 */
export function memoryNonceStore(
  options: MemoryNonceStoreOptions = {},
): NonceStore & { readonly size: number } {
  return new MemoryNonceStore(options);
}

class MemoryNonceStore implements NonceStore {
  readonly skew: number;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #table = new FingerprintTable();
  // How many nonces expire in each second, so that forgetting needs neither timers nor a look at each of them.
  readonly #expiring = new Map<number, number>();
  #size = 0;
  #earliest = Number.POSITIVE_INFINITY;
  // The latest expiry it may have forgotten: all up to it is gone, all after it is still there. A claim at or before it
  // cannot be told from a replay, wherever the clock went.
  #horizon = Number.NEGATIVE_INFINITY;
  // What is dated up to this second may have been accepted in an earlier life.
  readonly #start: number;

  constructor(options: MemoryNonceStoreOptions) {
    knownOptions(options, ['capacity', 'skew', 'start', 'now']);
    const { capacity = 1_000_000, skew = 300, start = 'normal', now = Date.now } = options;
    this.skew = wholeNumber('skew', skew, 1, 3600);
    this.#capacity = wholeNumber('capacity', capacity, 1, 2 ** 24);
    if (typeof now !== 'function') throw new TypeError('now: expected a function');
    this.#now = now;
    optionIn('start', start, ['normal', 'strict', 'fresh']);
    const second = this.#second();
    this.#start =
      start === 'fresh' ? Number.NEGATIVE_INFINITY : second + (start === 'strict' ? this.skew : 0);
  }

  /** How many nonces are remembered now. */
  get size(): number {
    return this.#size;
  }

  claim(
    credential: string,
    nonce: string,
    expiresAt: number,
    date = expiresAt - this.skew,
  ): NonceVerdict {
    const second = this.#second();
    this.#forget(second);
    if (this.#table.has(credential, nonce, this.#horizon)) return 'replayed';
    if (!(date > this.#start && expiresAt > this.#horizon)) return 'unavailable';
    if (!(expiresAt > 0 && expiresAt < 2 ** 32)) return 'unavailable';
    if (!(expiresAt - second <= LONGEST)) return 'unavailable';
    if (this.#size >= this.#capacity) return 'full';
    this.#table.add(expiresAt, this.#horizon);
    this.#size++;
    this.#expiring.set(expiresAt, (this.#expiring.get(expiresAt) ?? 0) + 1);
    if (expiresAt < this.#earliest) this.#earliest = expiresAt;
    return 'fresh';
  }

  #second(): number {
    return Math.floor(this.#now() / 1000);
  }

  /** Drops what expired before `second` and moves the horizon there. */
  #forget(second: number): void {
    if (this.#earliest >= second) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [expiry, count] of this.#expiring) {
      if (expiry >= second) {
        if (expiry < earliest) earliest = expiry;
        continue;
      }
      this.#size -= count;
      this.#expiring.delete(expiry);
      if (expiry > this.#horizon) this.#horizon = expiry;
    }
    this.#earliest = earliest;
  }
}
