import { knownOptions } from '../options.js';
import type { Policy } from '../policy/policy.js';
import { type RateLimitRule, rateLimitRules } from '../policy/settings.js';
import type { LimitRate, RateAnswer } from '../stages/rate.js';
import type { Identity } from '../verdict.js';
import { consume, type Limiter, type LimiterOptions, type LimiterState } from './limiter.js';

export type { Limiter, LimiterOptions, LimiterState } from './limiter.js';

/** So many requests in a window of time. */
export interface RateLimit {
  /** 1–1,000,000,000. */
  readonly requests: number;
  /** Length of the window, 1–2,147,483 (almost 25 days, as long as a timer runs). */
  readonly seconds: number;
  /** Who shares them: each key has its own, unless this is `group`. A key without a group has its own all the same. */
  readonly per?: 'credential' | 'group' | undefined;
}

/** What limits are made of. */
export interface RateLimitsOptions {
  /**
   * Makes a limiter of `rate-limiter-flexible`, in memory or on Redis, PostgreSQL and so on: called once for each limit.
   *
   * @example (options) => new RateLimiterRedis({ storeClient: redis, ...options })
   */
  readonly limiter: (options: LimiterOptions) => Limiter;
  /** For every caller; none unless given. */
  readonly limits?: readonly RateLimit[] | undefined;
  /** The policy of the verifier, whose `rateLimits` hold besides. */
  readonly policy?: Policy | undefined;
  /** What the keys of all limits begin with; `countersign:rate` unless said otherwise. */
  readonly prefix?: string | undefined;
}

interface Counter {
  readonly limit: RateLimitRule;
  readonly limiter: Limiter;
}

/**
 * Limits how often each credential and each group may call, for a verifier's option `limitRate`. All limits must allow; a request
 * that one refuses is not counted by those of longer windows. A backend that fails, or is slower than `storeTimeout`, refuses.
 *
 * @throws TypeError or RangeError that names the option, such as `limits[0].seconds`; or what `limiter` throws
 * @example
 * const limitRate = rateLimits({
 *   limiter: (options) => new RateLimiterMemory(options),
 *   limits: [{ requests: 20, seconds: 1 }, { requests: 100_000, seconds: 86_400, per: 'group' }],
 * });
 */
export function rateLimits(options: RateLimitsOptions): LimitRate {
  knownOptions(options, ['limiter', 'limits', 'policy', 'prefix']);
  const { limiter, limits = [], policy, prefix = 'countersign:rate' } = options;
  if (typeof limiter !== 'function') {
    throw new TypeError('limiter: expected a function such as (o) => new RateLimiterMemory(o)');
  }
  if (typeof prefix !== 'string' || !/^[!-~]{1,64}$/.test(prefix)) {
    throw new TypeError('prefix: expected 1–64 visible ASCII characters');
  }
  if (policy !== undefined && typeof policy?.ruleOf !== 'function') {
    throw new TypeError('policy: expected what createPolicy({…}) makes');
  }
  const always = rateLimitRules(limits, 'limits');
  if (always.length === 0 && policy === undefined) {
    throw new TypeError('limits: expected at least one limit, or a policy');
  }
  const counters = new Map<RateLimitRule, Counter>();
  for (const limit of [...always, ...(policy?.uses.rateLimits ?? [])]) {
    const { rule, requests: points, seconds: duration } = limit;
    const made = limiter({ keyPrefix: `${prefix}:${rule}`, points, duration });
    if (typeof made?.consume !== 'function') {
      throw new TypeError('limiter: expected it to make a limiter of rate-limiter-flexible');
    }
    counters.set(limit, { limit, limiter: made });
  }
  const shortestFirst = orders(counters, always);
  return async (identity) => {
    const rule = policy?.ruleOf(identity);
    // Another policy decided than the one given here: nobody knows what holds.
    if (policy !== undefined && rule === undefined) throw new Error('policy: has no rule for it');
    return count(shortestFirst(rule?.rateLimits ?? NONE), identity);
  };
}

const NONE: readonly RateLimitRule[] = [];

/** The counters of a list of limits, put in order when the list is first seen; a policy has a list for each of its rules. */
function orders(
  counters: ReadonlyMap<RateLimitRule, Counter>,
  always: readonly RateLimitRule[],
): (more: readonly RateLimitRule[]) => readonly Counter[] {
  const known = new WeakMap<readonly RateLimitRule[], readonly Counter[]>();
  return (more) => {
    let ordered = known.get(more);
    if (ordered === undefined) {
      ordered = [...always, ...more]
        .sort((a, b) => a.seconds - b.seconds)
        .map((limit) => counters.get(limit) as Counter);
      known.set(more, ordered);
    }
    return ordered;
  };
}

/** One after the other, so that what a short window refuses does not use up a long one. */
async function count(counters: readonly Counter[], identity: Identity): Promise<RateAnswer> {
  for (const { limit, limiter } of counters) {
    const reached = await consume(limiter, sharerOf(limit, identity));
    if (reached !== undefined) return refuse(limit, reached, counters);
  }
  return 'allowed';
}

/** Neither a credential nor a group has a colon: the two cannot be taken for one another. */
function sharerOf({ per }: RateLimitRule, { credential, group }: Identity): string {
  return per === 'group' && group !== undefined ? `group:${group}` : `credential:${credential}`;
}

/** The fields of draft-ietf-httpapi-ratelimit-headers-09. */
function refuse(
  limit: RateLimitRule,
  { msBeforeNext }: LimiterState,
  counters: readonly Counter[],
): RateAnswer {
  const retryAfter = Math.max(1, Math.ceil(msBeforeNext / 1000));
  const policies = counters.map(
    (each) => `${nameOf(each.limit)};q=${each.limit.requests};w=${each.limit.seconds}`,
  );
  return {
    retryAfter,
    rateLimit: `${nameOf(limit)};r=0;t=${retryAfter}`,
    rateLimitPolicy: policies.join(', '),
  };
}

function nameOf({ per, seconds }: RateLimitRule): string {
  return `"${per}-${seconds}s"`;
}
