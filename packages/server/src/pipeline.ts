import { Refusal } from '@countersign/core';
import { isPromise, type RequestView } from './request-view.js';
import { checkAuthorization } from './stages/authorization.js';
import { checkBody } from './stages/body.js';
import { checkCoverage } from './stages/coverage.js';
import { checkFreshness } from './stages/freshness.js';
import { identityOf } from './stages/identity.js';
import { findKey } from './stages/key.js';
import { checkLimits } from './stages/limits.js';
import { claimNonce } from './stages/nonce.js';
import { parseClaim } from './stages/parse.js';
import { checkRate } from './stages/rate.js';
import { checkSignature } from './stages/signature.js';
import type { Verdict } from './verdict.js';
import type { VerifierRules } from './verifier.js';

/** The eleven stages, in the order of the protocol. There is no other way through. */
export async function verifyRequest(rules: VerifierRules, request: RequestView): Promise<Verdict> {
  const now = rules.now();

  // 1 limits
  const fields = checkLimits(request);
  if (fields instanceof Refusal) return fields;

  // 2 parse
  const claim = parseClaim(rules.schemes, {
    method: request.method,
    target: request.target,
    fields,
  });
  if (claim instanceof Refusal) return claim;

  // 3 key
  const lookup = findKey(rules.keys, claim, now, rules.timeout);
  const key = isPromise(lookup) ? await lookup : lookup;
  if (key instanceof Refusal) return key;

  // 4 coverage, target, host
  const canonical = checkCoverage(rules, claim, request, fields);
  if (canonical instanceof Refusal) return canonical;

  // 5 signature
  const text = claim.scheme.stringToSign(claim, canonical);
  const secret = checkSignature(claim, text, key);
  if (secret instanceof Refusal) return secret;

  // 6 freshness
  const fresh = checkFreshness(claim, fields, rules.skew, now);
  if (fresh instanceof Refusal) return fresh.withStringToSign(text);

  // 7 authorization
  const identity = identityOf(claim, key, secret);
  const target = canonical.canonicalTarget;
  const ruling = checkAuthorization(rules.authorize, identity, request, target, rules.timeout);
  const forbidden = isPromise(ruling) ? await ruling : ruling;
  if (forbidden !== undefined) return forbidden.withStringToSign(text);

  // 8 body
  const reading = checkBody(rules.body, request, claim, fields);
  const body = isPromise(reading) ? await reading : reading;
  if (body instanceof Refusal) return body.withStringToSign(text);

  // 9 nonce
  const claiming = claimNonce(
    rules.nonces,
    claim.credential,
    fresh,
    rules.skew,
    rules.now(),
    rules.timeout,
  );
  const used = isPromise(claiming) ? await claiming : claiming;
  if (used !== undefined) return used.withStringToSign(text);

  // 10 rate
  const counting = checkRate(rules.limitRate, identity, rules.timeout);
  const limited = isPromise(counting) ? await counting : counting;
  if (limited !== undefined) return limited.withStringToSign(text);

  // 11 identity
  return { verdict: 'accepted', identity, target, body };
}
