// The stores that are measured, each beside the bare statement that it cannot do without.

import { memoryOf } from './memory.mjs';
import { postgresOf } from './postgres.mjs';
import { ioredisOf, nodeRedisOf } from './redis.mjs';
import { sqliteOf } from './sqlite.mjs';

/**
 * By name: `backend` is what has to run, `library` the package that speaks to it, and `open` takes the URL of the backend
 * and the options of a store, and gives
 * - `stores`: two on connections of their own, or the one there can be
 * - `bare`: does by hand what a claim is made of, for the key that `bareKey` gives; `what` says it in words
 * - `close`
 */
export const CONTENDERS = {
  'node-redis-5': nodeRedisOf('redis'),
  'node-redis-6': nodeRedisOf('redis-newest'),
  'ioredis-5': ioredisOf('ioredis'),
  'ioredis-6': ioredisOf('ioredis-newest'),
  postgres: postgresOf(),
  sqlite: sqliteOf(),
  memory: memoryOf(),
};

const GROUPS = { redis: ['node-redis-5', 'node-redis-6', 'ioredis-5', 'ioredis-6'] };

export const NAMES = [...Object.keys(GROUPS), ...Object.keys(CONTENDERS)];

/** @throws RangeError if one of the names is unknown */
export function contendersOf(names) {
  const chosen = names.flatMap((text) => text.split(',')).flatMap((name) => GROUPS[name] ?? name);
  for (const name of chosen) {
    if (CONTENDERS[name] === undefined) {
      throw new RangeError(`--store: ${name} is no store; those are ${NAMES.join(', ')}`);
    }
  }
  return [...new Set(chosen)].map((name) => ({ name, ...CONTENDERS[name] }));
}

/** Why a store cannot be measured here, in a few words; undefined if it can. */
export async function reasonAgainst({ missing }) {
  return missing === undefined ? undefined : missing();
}
