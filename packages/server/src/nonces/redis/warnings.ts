/**
 * What a store warns of:
 * - `evicts`: the policy for a full memory takes nonces away
 * - `eviction_unknown`: the server does not tell its policy, or may not be asked
 * - `data_in_doubt`: nonces may have been lost, by a restart, a failover, a flush or a clock that was set ahead
 */
export type RedisWarningCode = 'evicts' | 'eviction_unknown' | 'data_in_doubt';

export interface RedisWarning {
  readonly code: RedisWarningCode;
  /** One sentence. */
  readonly message: string;
}

export type OnRedisWarning = (warning: RedisWarning) => void;

/** Where warnings go unless said otherwise. */
export function emitRedisWarning({ code, message }: RedisWarning): void {
  process.emitWarning(`redisNonceStore: ${message}`, {
    code: `COUNTERSIGN_REDIS_${code.toUpperCase()}`,
  });
}

/** Tells each warning on eviction once. What the hook throws, or rejects with, changes nothing. */
export function warner(hook: OnRedisWarning): (code: RedisWarningCode, message: string) => void {
  const told = new Set<RedisWarningCode>();
  return (code, message) => {
    if (code !== 'data_in_doubt' && told.has(code)) return;
    told.add(code);
    try {
      Promise.resolve(hook({ code, message })).catch(() => {});
    } catch {
      // Whoever watches must not decide.
    }
  };
}
