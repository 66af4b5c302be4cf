import { type HeaderFields, isNonce, Refusal, type UnverifiedClaim } from '@countersign/core';

/** What makes a request new: its nonce, and how long that must be remembered. */
export interface Freshness {
  readonly nonce: string;
  /** Whole seconds since 1970: the last second in which the request would be accepted. */
  readonly expiresAt: number;
}

/** Stage 6. The signed date must be within the skew, both ends included, and the nonce must have its form. */
export function checkFreshness(
  claim: UnverifiedClaim,
  fields: HeaderFields,
  skew: number,
  now: number,
): Freshness | Refusal {
  const date = claim.scheme.date(claim, fields);
  if (date instanceof Refusal) return date;
  const age = Math.floor(now / 1000) - date;
  // Written so that a clock that is not a number refuses.
  if (!(age <= skew)) return expired(age, skew);
  if (!(age >= -skew)) {
    return new Refusal(
      'date_in_future',
      `The request is dated ${-age} s ahead; ${skew} s are allowed.`,
    );
  }
  const nonce = claim.scheme.nonce(claim, fields);
  if (!isNonce(nonce)) {
    return new Refusal('nonce_malformed', 'The nonce is not 16–128 characters of A-Z a-z 0-9 _ -.');
  }
  return { nonce, expiresAt: date + skew };
}

export function expired(age: number, skew: number): Refusal {
  return new Refusal('date_expired', `The request is ${age} s old; ${skew} s are allowed.`);
}
