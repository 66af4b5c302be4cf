import { setTimeout as delay } from 'node:timers/promises';
import { redisNonceStore } from '@countersign/server/nonces/redis';
import { useRedis } from '@countersign/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newNonce } from './nonces-faults.js';
import { closeOpened, STANDALONE } from './nonces-redis-clients.js';

let redis: Awaited<ReturnType<typeof useRedis>>;
beforeAll(async () => {
  redis = await useRedis();
});
afterAll(async () => {
  await closeOpened();
  await redis.close();
});

const EXPIRY = 2_000_000_000; // s
const LAST = 20; // ms

describe.each(STANDALONE)('%s', (_, open) => {
  it('what is claimed in its last moment is refused again, however long the second claim was on its way', async () => {
    const { client } = await open(redis.url);
    // The clock stands still: the second claim is as one that was sent at once, and came late.
    const now = () => (EXPIRY + 1 + 60) * 1000 - LAST;
    const store = redisNonceStore({ client, start: 'fresh', now, deadline: 2_000 });
    const nonce = newNonce();
    expect(await store.claim('a', nonce, EXPIRY)).toBe('fresh');
    await delay(3 * LAST);
    expect(await store.claim('a', nonce, EXPIRY)).toBe('replayed');
  });
});
