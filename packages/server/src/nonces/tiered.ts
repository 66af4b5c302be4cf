import { knownOptions, optionalFunction, wholeNumber } from '../options.js';
import { isPromise, type MaybePromise } from '../request-view.js';
import { isExpiry, NonceSet } from './nonce-set.js';
import type { NonceStore, NonceVerdict } from './nonce-store.js';

/** What stands in front of a shared store. */
export interface TieredNonceStoreOptions {
  /** Decides: the store that all processes share. */
  readonly shared: NonceStore;
  /** Nonces at most that this process remembers besides; 1,000,000 unless said otherwise. Beyond them only `shared` is asked. */
  readonly capacity?: number | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

/** A store in front of another one. */
export interface TieredNonceStore extends NonceStore {
  /** Nonces that this process remembers now. */
  readonly size: number;
  health(): MaybePromise<void>;
}

/**
 * Remembers in this process what the shared store has said, so that a replay of what this process has seen costs no round trip. It
 * never says that a nonce is new by itself, and remembers none of which the shared store could not tell: what is refused with
 * `nonce_store_unavailable` is asked again.
 *
 * @throws TypeError or RangeError that names the option
 * @example tieredNonceStore({ shared: redisNonceStore({ client }) })
 */
export function tieredNonceStore(options: TieredNonceStoreOptions): TieredNonceStore {
  return new Store(options);
}

class Store implements TieredNonceStore {
  readonly skew: number;
  readonly #shared: NonceStore;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #seen = new NonceSet();

  constructor(options: TieredNonceStoreOptions) {
    knownOptions(options, ['shared', 'capacity', 'now']);
    const { shared, capacity = 1_000_000, now } = options;
    if (typeof shared?.claim !== 'function') {
      throw new TypeError('shared: expected a nonce store, such as redisNonceStore({ client })');
    }
    this.#shared = shared;
    this.skew = shared.skew;
    this.#capacity = wholeNumber('capacity', capacity, 1, 2 ** 24);
    this.#now = optionalFunction('now', now) ?? Date.now;
  }

  get size(): number {
    return this.#seen.size;
  }

  health(): MaybePromise<void> {
    return this.#shared.health?.();
  }

  claim(
    credential: string,
    nonce: string,
    expiresAt: number,
    date?: number,
  ): MaybePromise<NonceVerdict> {
    this.#seen.forget(Math.floor(this.#now() / 1000));
    if (this.#seen.has(credential, nonce)) return 'replayed';
    const verdict = this.#shared.claim(credential, nonce, expiresAt, date);
    const remember = (told: NonceVerdict) => this.#remember(credential, nonce, expiresAt, told);
    return isPromise(verdict) ? verdict.then(remember) : remember(verdict);
  }

  #remember(
    credential: string,
    nonce: string,
    expiresAt: number,
    told: NonceVerdict,
  ): NonceVerdict {
    const isUsed = told === 'fresh' || told === 'replayed';
    const seen = this.#seen;
    // Others may have been looked up meanwhile.
    if (!isUsed || seen.size >= this.#capacity || seen.has(credential, nonce)) return told;
    if (isExpiry(expiresAt) && expiresAt > seen.horizon) seen.add(expiresAt);
    return told;
  }
}
