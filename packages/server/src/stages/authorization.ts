import {
  fieldBits,
  type HeaderFields,
  METHOD_OVERRIDE_FIELDS,
  Refusal,
  type UnverifiedClaim,
  unsignedField,
} from '@countersign/core';
import type { Policy } from '../policy/policy.js';
import { inTime, isPromise, type MaybePromise, type RequestView } from '../request-view.js';
import type { Identity } from '../verdict.js';
import type { BodyRules } from './body.js';
import { checkFreshness, expired, type Freshness } from './freshness.js';

/** What a rule may look at. The path is the canonical one, as signed. */
export interface AuthorizationQuery {
  readonly method: string;
  /** Canonical path and query. */
  readonly target: string;
  readonly remoteAddress: string | undefined;
}

/** `allowed`, or the code to refuse with. */
export type AuthorizationAnswer = 'allowed' | 'address_not_allowed' | 'permission_denied';

/** Decides whether a caller may make this request. Anything but `allowed`, a throw included, refuses it. */
export type Authorize = (
  identity: Identity,
  query: AuthorizationQuery,
) => MaybePromise<AuthorizationAnswer>;

/** Stage 7. The rules on address, method and path, now that it is known who asks. */
export function checkAuthorization(
  authorize: Authorize | undefined,
  identity: Identity,
  request: RequestView,
  target: string,
  timeout: number,
): MaybePromise<Refusal | undefined> {
  if (authorize === undefined) return undefined;
  try {
    const { method, remoteAddress } = request;
    const answer = authorize(identity, { method, target, remoteAddress });
    return isPromise(answer) ? inTime(answer, timeout).then(refusalOf, failed) : refusalOf(answer);
  } catch (error) {
    return failed(error);
  }
}

/** A verified request, for a policy to look at. */
export interface VerifiedRequest {
  readonly identity: Identity;
  readonly request: RequestView;
  /** Canonical path and query. */
  readonly target: string;
  readonly claim: UnverifiedClaim;
  readonly fields: HeaderFields;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What of the verifier's rules a policy can narrow, and no more than narrow. */
export interface Narrowed {
  readonly body: BodyRules;
  /** Until when the policy takes the request; `undefined` where that is as long as the verifier does. */
  readonly fresh: Freshness | undefined;
}

const OVERRIDES = fieldBits(METHOD_OVERRIDE_FIELDS);

/** Stage 7. What a policy says, which is about callers whose signature holds. */
export function applyPolicy(
  policy: Policy,
  rules: { readonly body: BodyRules; readonly skew: number },
  verified: VerifiedRequest,
): Narrowed | Refusal {
  try {
    const { identity, request, target, claim, fields, now } = verified;
    const decision = policy.decide(
      {
        credential: identity.credential,
        group: identity.group,
        method: request.method,
        target,
        address: request.remoteAddress,
        secure: request.secure,
        methodOverrides: overridesIn(fields),
      },
      identity,
    );
    if (decision.allowed !== true) {
      // A policy of somebody's own may answer anything.
      const isAddress = decision.code === 'address_not_allowed';
      return new Refusal(isAddress ? decision.code : 'permission_denied', `${decision.detail}`);
    }
    for (const name of decision.requiredHeaders) {
      const fault = unsignedField(name, claim.signedHeaders, fields);
      if (fault !== undefined) return fault;
    }
    const { maxBodyBytes = rules.body.maxBytes, skew = rules.skew } = decision;
    const fresh = skew < rules.skew ? checkFreshness(claim, fields, skew, now) : undefined;
    if (fresh instanceof Refusal) return fresh;
    const narrows = maxBodyBytes < rules.body.maxBytes;
    return { body: narrows ? { ...rules.body, maxBytes: maxBodyBytes } : rules.body, fresh };
  } catch (error) {
    return failed(error);
  }
}

/** Once more before stage 9: a slow body may have outlived the narrower date. The nonce is kept for as long as ever. */
export function outlived(fresh: Freshness, now: number): Refusal | undefined {
  const second = Math.floor(now / 1000);
  return second <= fresh.until ? undefined : expired(second, fresh);
}

function overridesIn(fields: HeaderFields): readonly string[] | undefined {
  if ((fields.present & OVERRIDES) === 0) return undefined;
  return METHOD_OVERRIDE_FIELDS.flatMap((name) => fields.get(name) ?? []);
}

function refusalOf(answer: AuthorizationAnswer): Refusal | undefined {
  if (answer === 'allowed') return undefined;
  return answer === 'address_not_allowed'
    ? new Refusal('address_not_allowed', 'A rule refuses the address of the caller.')
    : new Refusal('permission_denied', 'A rule refuses this method or path to the caller.');
}

function failed(cause: unknown): Refusal {
  return new Refusal('permission_denied', 'The rules could not be applied.', { cause });
}
