// Each answers with the id ARGV[1] of its call, so that a reply to another one is not taken for its own.

/** Reads what stands under the credential ARGV[2]. */
export const GET = `return {ARGV[1], redis.call('HGET', KEYS[1], ARGV[2])}`;

/**
 * Puts ARGV[4] in place of ARGV[3] under the credential ARGV[2]; the empty text is nothing. What has been put already counts
 * as put, since a client may send a command again. When a key comes or goes, its last use goes.
 */
export const SWAP = `local now = redis.call('HGET', KEYS[1], ARGV[2]) or ''
if now == ARGV[4] then return {ARGV[1], 'done'} end
if now ~= ARGV[3] then return {ARGV[1], 'other'} end
if ARGV[4] == '' then redis.call('HDEL', KEYS[1], ARGV[2]) else redis.call('HSET', KEYS[1], ARGV[2], ARGV[4]) end
if ARGV[3] == '' or ARGV[4] == '' then redis.call('HDEL', KEYS[2], ARGV[2]) end
return {ARGV[1], 'done'}`;

/** Notes uses: behind ARGV[1], a credential and a time each. What is later stays. */
export const NOTE = `for i = 2, #ARGV, 2 do
  local before = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '') or -1
  if before < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return {ARGV[1], 'done'}`;
