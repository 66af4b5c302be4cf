import type { LimitRate } from '../stages/rate.js';
import type { Policy } from './policy.js';

/** The option `policy` of a verifier. */
export function checkPolicy(policy: Policy | undefined): Policy | undefined {
  if (policy === undefined) return undefined;
  if (typeof policy?.decide === 'function' && typeof policy.uses === 'object') return policy;
  throw new TypeError('policy: expected what createPolicy({…}) makes');
}

/**
 * The same rules, if the verifier sees to all that the policy asks for: a setting that nobody sees to would be no setting.
 *
 * @throws TypeError that names the setting
 */
export function withPolicy<
  R extends {
    readonly policy: Policy | undefined;
    readonly limitRate: LimitRate | undefined;
    readonly maxResponseBytes: number | undefined;
  },
>(rules: R): R {
  const { rateLimits = [], signedResponses } = rules.policy?.uses ?? {};
  const [limit] = rateLimits;
  if (limit !== undefined && rules.limitRate === undefined) {
    throw new TypeError(
      `policy: ${limit.rule} needs limitRate, such as rateLimits({ policy, limiter })`,
    );
  }
  if (signedResponses !== undefined && rules.maxResponseBytes === undefined) {
    throw new TypeError(`policy: ${signedResponses} needs signResponses`);
  }
  return rules;
}
