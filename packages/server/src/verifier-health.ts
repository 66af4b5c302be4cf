import { inTime, type MaybePromise } from './request-view.js';
import type { VerifierRules } from './verifier-rules.js';

/** Whether a store answers. */
export type StoreHealth =
  | { readonly status: 'ok' }
  /** What it threw is for a log: it may tell of hosts and paths. */
  | { readonly status: 'failed'; readonly error: unknown };

/** Whether a verifier can accept anything now. */
export interface VerifierHealth {
  /** True if both stores answer. */
  readonly ok: boolean;
  readonly keys: StoreHealth;
  readonly nonces: StoreHealth;
}

interface Store {
  health?(): MaybePromise<void>;
}

const OK: StoreHealth = Object.freeze({ status: 'ok' });

/** Makes `health`. Those who ask at one time share an answer: a probe that strangers can reach costs the stores no more. */
export function healthOf({
  keys,
  nonces,
  timeout,
}: Pick<VerifierRules, 'keys' | 'nonces' | 'timeout'>): () => Promise<VerifierHealth> {
  let asking: Promise<VerifierHealth> | undefined;
  return () => {
    asking ??= Promise.all([askStore(keys, timeout), askStore(nonces, timeout)]).then(
      ([ofKeys, ofNonces]) => {
        asking = undefined;
        const ok = ofKeys === OK && ofNonces === OK;
        return Object.freeze({ ok, keys: ofKeys, nonces: ofNonces });
      },
    );
    return asking;
  };
}

async function askStore(store: Store, timeout: number): Promise<StoreHealth> {
  try {
    await inTime(Promise.resolve(store.health?.()), timeout);
    return OK;
  } catch (error) {
    return Object.freeze({ status: 'failed', error });
  }
}
