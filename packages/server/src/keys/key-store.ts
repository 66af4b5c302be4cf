import type { Algorithm, Secret } from '@countersign/core';
import type { MaybePromise } from '../request-view.js';

/** One secret of a key. Several may be live at once while they are rotated. */
export interface KeySecret {
  /** Names the secret in the identity. */
  readonly id?: string | undefined;
  readonly secret: Secret;
  /** Milliseconds since 1970; live from then on. */
  readonly notBefore?: number | null | undefined;
  /** Milliseconds since 1970; live until just before then. */
  readonly notAfter?: number | null | undefined;
}

/** What is known of a credential. */
export interface KeyRecord {
  readonly credential: string;
  readonly algorithm: Algorithm;
  readonly status: 'active' | 'disabled';
  readonly group?: string | undefined;
  readonly secrets: readonly KeySecret[];
}

/** Where keys are looked up. A throw or a rejection is answered with `key_store_unavailable`, never with "unknown". */
export interface KeyStore {
  /** @param credential - 1–128 of `A-Z a-z 0-9 . _ -`, exactly as sent: a stranger's text */
  find(credential: string): MaybePromise<KeyRecord | undefined>;
  /** Resolves if the store answers now, rejects with the reason if not. A store without it is taken to answer always. */
  health?(): MaybePromise<void>;
}
