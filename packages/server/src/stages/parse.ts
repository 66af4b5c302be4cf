import { Refusal, type Scheme, type SchemeRequest, type UnverifiedClaim } from '@countersign/core';

/** Stage 2. Reads what the request says of itself, by the first scheme that finds something. */
export function parseClaim(
  schemes: readonly Scheme[],
  request: SchemeRequest,
): UnverifiedClaim | Refusal {
  for (const scheme of schemes) {
    const claim = scheme.parse(request);
    if (claim !== undefined) return claim;
  }
  return new Refusal('authorization_missing', 'The request has no Authorization field.');
}
