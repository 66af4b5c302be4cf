import type { KeyStore } from './key-store.js';
import type { KeyEntry } from './static-keys.js';

/** What may be shown of a key: everything but its secrets. */
export interface KeyListing {
  readonly credential: string;
  readonly algorithm: string;
  readonly status: 'active' | 'disabled';
  readonly group?: string | undefined;
  /** In the order in which they are tried; times in milliseconds since 1970. */
  readonly secrets: readonly {
    readonly id?: string | undefined;
    readonly notBefore?: number | undefined;
    readonly notAfter?: number | undefined;
  }[];
  /** When a request of it was accepted last, to the minute, in milliseconds since 1970; `undefined` if that is not known. */
  readonly lastUsed?: number | undefined;
}

/** A key store that is also written to, by whoever manages keys. A verifier only ever reads. */
export interface WritableKeyStore extends KeyStore {
  /** Every key, sorted by credential. */
  list(): Promise<readonly KeyListing[]>;
  /**
   * Changes one key, or nothing: another change at the same time is waited for or begun anew on, never overwritten.
   *
   * @param change - gets the key as it is written down, `undefined` if there is none; returns it as it is to be, or `undefined`
   *   to remove it. It may be called more than once. What it throws is passed on, and nothing is changed
   * @throws Error if the store does not answer or cannot be written
   */
  change(
    credential: string,
    change: (key: KeyEntry | undefined) => KeyEntry | undefined,
  ): Promise<void>;
}
