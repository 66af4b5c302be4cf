import {
  type HeaderFields,
  isNonce,
  Refusal,
  type UnverifiedClaim,
  type Validity,
} from '@countersign/core';

/** What makes a request new: its nonce, and how long that must be remembered. */
export interface Freshness extends Validity {
  /** `undefined` where the claim may be used any number of times: a presigned URL that is not single-use. */
  readonly nonce: string | undefined;
}

/** Stage 6. The signed date must be within its bounds, both ends included, and the nonce must have its form. */
export function checkFreshness(
  claim: UnverifiedClaim,
  fields: HeaderFields,
  skew: number,
  now: number,
): Freshness | Refusal {
  const validity = claim.scheme.validity(claim, fields, skew);
  if (validity instanceof Refusal) return validity;
  const { date, from, until } = validity;
  const second = Math.floor(now / 1000);
  // Written so that a clock that is not a number refuses.
  if (!(second <= until)) return expired(second, validity);
  if (!(second >= from)) {
    return new Refusal(
      'date_in_future',
      `The request is dated ${date - second} s ahead; ${date - from} s are allowed.`,
    );
  }
  const nonce = claim.scheme.nonce(claim, fields);
  if (nonce !== undefined && !isNonce(nonce)) {
    return new Refusal('nonce_malformed', 'The nonce is not 16–128 characters of A-Z a-z 0-9 _ -.');
  }
  return { date, from, until, nonce };
}

export function expired(second: number, { date, until }: Validity): Refusal {
  return new Refusal(
    'date_expired',
    `The request is ${second - date} s old; ${until - date} s are allowed.`,
  );
}
