import { knownOptions, optionalFunction, wholeNumber } from '../options.js';
import { isPromise, type MaybePromise } from '../request-view.js';
import { KnownKeys, UnknownCredentials } from './cached/entries.js';
import { Lookups } from './cached/lookups.js';
import type { KeyRecord, KeyStore } from './key-store.js';

/** For how long, and how much, is remembered. */
export interface CachedKeysOptions {
  /** Milliseconds for which a key is not asked for again, 1–86,400,000; 30,000 unless said otherwise. */
  readonly ttl?: number | undefined;
  /** Milliseconds beyond `ttl` for which a key is still good while the store fails, 0–604,800,000; 0 unless said otherwise. */
  readonly staleIfError?: number | undefined;
  /** Milliseconds for which a credential is taken to be unknown still, 0–3,600,000; 5,000 unless said otherwise. */
  readonly negativeTtl?: number | undefined;
  /** Keys remembered at most, 1–1,000,000; 10,000 unless said otherwise. Best no fewer than there are. */
  readonly capacity?: number | undefined;
  /** Unknown credentials remembered at most, 1–1,000,000, apart from the keys; 10,000 unless said otherwise. */
  readonly negativeCapacity?: number | undefined;
  /**
   * Lookups at one time, 1–10,000; 64 unless said otherwise. So many for credentials that were known before, and so many for
   * all others, which may be a stranger's inventions. One more fails unasked.
   */
  readonly maxLookups?: number | undefined;
  /** Milliseconds a lookup may take, 1–3,600,000; 2,000 unless said otherwise. */
  readonly timeout?: number | undefined;
  /** A clock in milliseconds that never goes back; `performance.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

const OPTIONS: readonly string[] = [
  'ttl',
  'staleIfError',
  'negativeTtl',
  'capacity',
  'negativeCapacity',
  'maxLookups',
  'timeout',
  'now',
];
const DAY = 86_400_000;

/**
 * Remembers what another key store answers, so that most requests are answered at once, without a promise. A key that is
 * changed or withdrawn there is so here after `ttl`, and after `ttl + staleIfError` at the latest. Lookups of one credential at
 * one time are one lookup. What strangers ask for takes no room and no lookup from keys that are known.
 *
 * @throws TypeError or RangeError that names the option
 * @example cachedKeys(postgresKeys({ pool }), { ttl: 30_000, staleIfError: 600_000 })
 */
export function cachedKeys(store: KeyStore, options: CachedKeysOptions = {}): Required<KeyStore> {
  return new CachedKeys(store, options);
}

class CachedKeys implements Required<KeyStore> {
  readonly #store: KeyStore;
  readonly #now: () => number;
  readonly #known: KnownKeys;
  readonly #unknown: UnknownCredentials;
  readonly #lookupsOfKnown: Lookups;
  readonly #lookupsOfOthers: Lookups;

  constructor(store: KeyStore, options: CachedKeysOptions) {
    if (typeof store?.find !== 'function' || Array.isArray(store)) {
      throw new TypeError('store: expected a key store');
    }
    knownOptions(options, OPTIONS);
    const { ttl = 30_000, staleIfError = 0, negativeTtl = 5_000, now } = options;
    const { capacity = 10_000, negativeCapacity = 10_000 } = options;
    const { maxLookups = 64, timeout = 2_000 } = options;
    this.#store = store;
    this.#known = new KnownKeys(
      wholeNumber('ttl', ttl, 1, DAY),
      wholeNumber('staleIfError', staleIfError, 0, 7 * DAY),
      wholeNumber('capacity', capacity, 1, 1_000_000),
    );
    this.#unknown = new UnknownCredentials(
      wholeNumber('negativeTtl', negativeTtl, 0, 3_600_000),
      wholeNumber('negativeCapacity', negativeCapacity, 1, 1_000_000),
    );
    const most = wholeNumber('maxLookups', maxLookups, 1, 10_000);
    const deadline = wholeNumber('timeout', timeout, 1, 3_600_000);
    this.#lookupsOfKnown = new Lookups(most, deadline);
    this.#lookupsOfOthers = new Lookups(most, deadline);
    this.#now = optionalFunction('now', now) ?? (() => performance.now());
  }

  find(credential: string): MaybePromise<KeyRecord | undefined> {
    const now = this.#now();
    const entry = this.#known.get(credential);
    if (entry === undefined) {
      if (this.#unknown.has(credential, now)) return undefined;
    } else if (this.#known.isFresh(entry, now)) return entry.record;

    const stale = entry === undefined ? undefined : this.#known.whileFailing(entry, now);
    const lookups = entry === undefined ? this.#lookupsOfOthers : this.#lookupsOfKnown;
    const answer = lookups.get(credential) ?? this.#ask(credential, lookups, now);
    if (stale === undefined || !isPromise(answer)) return answer;
    answer.catch(() => {}); // those who had to wait for it are told
    return stale;
  }

  #ask(credential: string, lookups: Lookups, now: number): MaybePromise<KeyRecord | undefined> {
    try {
      if (lookups.isFull) throw new Error('too many lookups of keys at one time');
      const answer = this.#store.find(credential);
      if (!isPromise(answer)) return this.#keep(credential, answer, now);
      return lookups.run(credential, answer, {
        answered: (record) => this.#keep(credential, record, now),
        failed: (error) => this.#standIn(credential, error),
      });
    } catch (error) {
      return this.#standIn(credential, error);
    }
  }

  health(): MaybePromise<void> {
    return this.#store.health?.();
  }

  /** @param asked - when: the answer may be as old as the question */
  #keep(credential: string, record: KeyRecord | undefined, asked: number): KeyRecord | undefined {
    // The record of another credential is none: kept under every name that leads to it, it would push others out.
    if (record?.credential === credential) {
      this.#unknown.delete(credential);
      this.#known.set(record, asked);
      return record;
    }
    this.#known.delete(credential);
    this.#unknown.add(credential, asked);
    return undefined;
  }

  /** The key as it was, if that is good enough still; else throws. */
  #standIn(credential: string, error: unknown): KeyRecord {
    const record = this.#known.afterError(credential, this.#now());
    if (record === undefined) throw error;
    return record;
  }
}
