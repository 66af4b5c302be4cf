import { Refusal } from '@countersign/core';
import type { NonceStore, NonceVerdict } from '../nonces/nonce-store.js';
import { inTime, isPromise, type MaybePromise } from '../request-view.js';
import { expired, type Freshness } from './freshness.js';

/** Stage 9. Claims the nonce, after a second look at the clock: a slow body may have outlived the date. */
export function claimNonce(
  nonces: NonceStore,
  credential: string,
  fresh: Freshness,
  now: number,
  timeout: number,
): MaybePromise<Refusal | undefined> {
  const second = Math.floor(now / 1000);
  if (!(second <= fresh.until)) return expired(second, fresh);
  if (fresh.nonce === undefined) return undefined;
  try {
    const verdict = nonces.claim(credential, fresh.nonce, fresh.until, fresh.date);
    return isPromise(verdict)
      ? inTime(verdict, timeout).then(refusalOf, unavailable)
      : refusalOf(verdict);
  } catch (error) {
    return unavailable(error);
  }
}

function refusalOf(verdict: NonceVerdict): Refusal | undefined {
  switch (verdict) {
    case 'fresh':
      return undefined;
    case 'replayed':
      return new Refusal('nonce_replayed', 'This credential has used this nonce before.');
    case 'full':
      return new Refusal('nonce_store_full', 'No more nonces can be remembered now.');
    default:
      return unavailable(undefined);
  }
}

function unavailable(cause: unknown): Refusal {
  return new Refusal('nonce_store_unavailable', 'It cannot be told whether this request is new.', {
    cause,
  });
}
