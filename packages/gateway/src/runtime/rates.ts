import type { LimitRate } from '@countersign/server';
import type { Policy } from '@countersign/server/policy';
import { rateLimits } from '@countersign/server/rate-limits';
import type { RateLimitsConfig } from '../config/config.js';
import { type References, textOf } from '../config/reference.js';
import { connectRedis } from './stores.js';

/** Counts requests, if the configuration or its policy limits them. */
export async function openRates(
  config: RateLimitsConfig | undefined,
  policy: Policy | undefined,
  references: References,
  keep: <T extends { close(): Promise<void> }>(made: T) => T,
): Promise<LimitRate | undefined> {
  const limits = config?.limits ?? [];
  if (limits.length === 0 && (policy?.uses.rateLimits ?? []).length === 0) return undefined;
  const { RateLimiterMemory, RateLimiterRedis } = await import('rate-limiter-flexible');
  if (config?.redis === undefined) {
    return limitsOf(limits, policy, (options) => new RateLimiterMemory(options));
  }
  const url = textOf(references, config.redis, 'rateLimits.redis');
  const { client } = keep(await connectRedis(url, 'rateLimits.redis'));
  return limitsOf(
    limits,
    policy,
    (options) => new RateLimiterRedis({ storeClient: client, useRedisPackage: true, ...options }),
  );
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
