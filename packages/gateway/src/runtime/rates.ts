import type { LimitRate } from '@countersign/server';
import type { Policy } from '@countersign/server/policy';
import { type Limiter, type LimiterOptions, rateLimits } from '@countersign/server/rate-limits';
import type { RateLimitsConfig } from '../config/config.js';
import { type References, textOf } from '../config/reference.js';
import { connectRedis } from './stores.js';

/** What counts in memory, by the limit that it counts for. */
export type Counters = ReadonlyMap<string, Limiter>;

export interface Rates {
  readonly limitRate: LimitRate | undefined;
  readonly counters: Counters;
}

const NONE: Rates = { limitRate: undefined, counters: new Map() };

/**
 * Counts requests, if the configuration or its policy limits them.
 *
 * @param before - counters of the configuration before: a limit that stays the same goes on counting
 */
export async function openRates(
  config: RateLimitsConfig | undefined,
  policy: Policy | undefined,
  references: References,
  keep: <T extends { close(): Promise<void> }>(made: T) => T,
  before: Counters = NONE.counters,
): Promise<Rates> {
  const limits = config?.limits ?? [];
  if (limits.length === 0 && (policy?.uses.rateLimits ?? []).length === 0) return NONE;
  const { RateLimiterMemory, RateLimiterRedis } = await import('rate-limiter-flexible');
  if (config?.redis === undefined) {
    const counters = new Map<string, Limiter>();
    const limiter = (options: LimiterOptions) => {
      const limit = JSON.stringify(options);
      const counter = before.get(limit) ?? new RateLimiterMemory(options);
      counters.set(limit, counter);
      return counter;
    };
    return { limitRate: limitsOf(limits, policy, limiter), counters };
  }
  const url = textOf(references, config.redis, 'rateLimits.redis');
  const { client } = keep(await connectRedis(url, 'rateLimits.redis'));
  const limiter = (options: LimiterOptions) =>
    new RateLimiterRedis({ storeClient: client, useRedisPackage: true, ...options });
  return { ...NONE, limitRate: limitsOf(limits, policy, limiter) };
}

function limitsOf(
  limits: NonNullable<RateLimitsConfig['limits']>,
  policy: Policy | undefined,
  limiter: Parameters<typeof rateLimits>[0]['limiter'],
): LimitRate {
  try {
    return rateLimits({ limits, policy, limiter });
  } catch (error) {
    throw new TypeError(`rateLimits.${(error as Error).message}`);
  }
}
