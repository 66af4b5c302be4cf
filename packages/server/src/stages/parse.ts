import { Refusal, type Scheme, type SchemeRequest, type UnverifiedClaim } from '@countersign/core';

/** How a request may say who it is from. */
export interface ParseRules {
  readonly schemes: readonly Scheme[];
  /** Requests without any credentials are taken too. */
  readonly optional: boolean;
}

/**
 * Stage 2. Reads what the request says of itself, by the first scheme that finds something.
 *
 * @returns `undefined` where the request carries no credentials at all and need not
 */
export function parseClaim(
  { schemes, optional }: ParseRules,
  request: SchemeRequest,
): UnverifiedClaim | Refusal | undefined {
  for (let i = 0; i < schemes.length; i++) {
    const claim = (schemes[i] as Scheme).parse(request);
    if (claim !== undefined) return claim;
  }
  if (optional) return undefined;
  return new Refusal('authorization_missing', 'The request has no Authorization field.');
}
