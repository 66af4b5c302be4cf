import { startRedis } from '@countersign/test-servers';
import { expect, it } from 'vitest';
import { newNonce, second } from './nonces-faults.js';
import { claimThroughKills, startClaimers, sum } from './nonces-processes.js';

it('of 200 copies in each of 3 processes exactly one is fresh, in 100 rounds', async () => {
  const redis = await startRedis();
  const claimers = await startClaimers(3, 'redis', redis.url, 5_000);
  try {
    for (let round = 0; round < 100; round++) {
      const order = { nonce: newNonce(), copies: 200, expiresAt: second(300) };
      expect([round, sum(await claimers.claim(order))]).toEqual([
        round,
        { fresh: 1, replayed: 599, unavailable: 0, full: 0 },
      ]);
    }
  } finally {
    claimers.close();
    await redis.close();
  }
}, 60_000);

it('a server that writes everything down and is killed in the middle accepts nothing twice', async () => {
  const redis = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
  const claimers = await startClaimers(3, 'redis', redis.url, 100);
  try {
    const fresh = await claimThroughKills(claimers, redis, { rounds: 60, kills: 5 });
    expect(Math.max(...fresh)).toBe(1);
    // The others were on their way when the server was killed.
    expect(fresh.filter((times) => times === 1).length).toBeGreaterThan(40);
  } finally {
    claimers.close();
    await redis.close();
  }
}, 60_000);
