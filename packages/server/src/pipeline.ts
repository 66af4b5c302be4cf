import { Refusal } from '@countersign/core';
import type { Observation } from './events.js';
import { isPromise, type RequestView } from './request-view.js';
import { answerFieldsOf, withAnswerFields } from './stages/answer-fields.js';
import { applyPolicy, checkAuthorization, outlived } from './stages/authorization.js';
import { checkBody, NOTHING, watchBody } from './stages/body.js';
import { checkCoverage } from './stages/coverage.js';
import { checkFreshness } from './stages/freshness.js';
import { identityOf } from './stages/identity.js';
import { findKey } from './stages/key.js';
import { checkLimits } from './stages/limits.js';
import { claimNonce } from './stages/nonce.js';
import { parseClaim } from './stages/parse.js';
import { checkRate } from './stages/rate.js';
import { checkSignature } from './stages/signature.js';
import type { Accepted, Anonymous } from './verdict.js';
import type { VerifierRules } from './verifier-rules.js';

/** The eleven stages, in the order of the protocol. There is no other way through. */
export async function verifyRequest(
  rules: VerifierRules,
  request: RequestView,
  seen: Observation | undefined,
): Promise<Accepted | Anonymous | Refusal> {
  const { timeout } = rules;
  const { method, remoteAddress } = request;
  const now = rules.now();
  const buffered = rules.body.mode === 'buffer';

  seen?.enter('limits'); // 1
  const fields = checkLimits(request);
  if (fields instanceof Refusal) return fields;

  seen?.enter('parse'); // 2
  const claim = parseClaim(rules, { method, target: request.target, fields });
  if (claim instanceof Refusal) return claim;
  if (claim === undefined) return { verdict: 'anonymous' };
  seen?.hasClaim(claim);

  seen?.enter('key'); // 3
  const lookup = findKey(rules.keys, claim, now, timeout);
  const key = isPromise(lookup) ? await lookup : lookup;
  if (key instanceof Refusal) return key;

  seen?.enter('coverage'); // 4 coverage, target, host
  const canonical = checkCoverage(rules, claim, request, fields);
  if (canonical instanceof Refusal) return canonical;

  seen?.enter('signature'); // 5
  const text = claim.scheme.stringToSign(claim, canonical);
  const secret = checkSignature(claim, text, key);
  if (secret instanceof Refusal) return secret;
  seen?.hasSecret(secret.secret);

  seen?.enter('freshness'); // 6
  const fresh = checkFreshness(claim, fields, rules.skew, now);
  if (fresh instanceof Refusal) return fresh.withStringToSign(text);

  seen?.enter('authorization'); // 7
  const identity = identityOf(claim, key, secret);
  const target = canonical.canonicalTarget;
  const narrowed =
    rules.policy === undefined
      ? undefined
      : applyPolicy(rules.policy, rules, { identity, request, target, claim, fields, now });
  if (narrowed instanceof Refusal) return narrowed.withStringToSign(text);
  const bodyRules = narrowed === undefined ? rules.body : narrowed.body;
  const ruling = checkAuthorization(rules.authorize, identity, request, target, timeout);
  const forbidden = isPromise(ruling) ? await ruling : ruling;
  if (forbidden !== undefined) return forbidden.withStringToSign(text);

  if (buffered) seen?.enter('body'); // 8, unless the body is handed on while it arrives
  const reading = buffered ? checkBody(bodyRules, request, claim, fields) : NOTHING;
  const read = isPromise(reading) ? await reading : reading;
  if (read instanceof Refusal) return read.withStringToSign(text);

  seen?.enter('nonce'); // 9
  const late = narrowed?.fresh === undefined ? undefined : outlived(narrowed.fresh, rules.now());
  if (late !== undefined) return late.withStringToSign(text);
  const claiming = claimNonce(rules.nonces, identity.credential, fresh, rules.now(), timeout);
  const used = isPromise(claiming) ? await claiming : claiming;
  if (used !== undefined) return used.withStringToSign(text);

  seen?.enter('rate'); // 10
  const counting = checkRate(rules.limitRate, identity, timeout);
  const limited = isPromise(counting) ? await counting : counting;
  if (limited !== undefined) {
    return withAnswerFields(limited.withStringToSign(text), answerFieldsOf(limited));
  }

  if (!buffered) seen?.enter('body'); // 8 for a body that is handed on while it arrives
  const watching = buffered
    ? read
    : watchBody(bodyRules, request, claim, fields, (refusal) => seen?.tellLater(refusal));
  const body = isPromise(watching) ? await watching : watching;
  if (body instanceof Refusal) return body.withStringToSign(text);

  // 11 identity
  return { verdict: 'accepted', identity, target, body, remoteAddress };
}
