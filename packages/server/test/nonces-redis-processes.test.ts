import { startRedis } from '@countersign/test-servers';
import { expect, it } from 'vitest';
import { expectOneOfMany, startClaimers, verifyThroughKills } from './nonces-processes.js';

it('of 200 copies in each of 3 processes exactly one is accepted, in 100 rounds', async () => {
  const redis = await startRedis();
  try {
    await expectOneOfMany({ kind: 'redis', url: redis.url, deadline: 5_000 });
  } finally {
    await redis.close();
  }
}, 120_000);

it('a server that writes everything down and is killed in the middle accepts nothing twice', async () => {
  const redis = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
  const claimers = await startClaimers(3, { kind: 'redis', url: redis.url, deadline: 100 });
  try {
    const accepted = await verifyThroughKills(claimers, redis, { rounds: 60, kills: 5 });
    expect(Math.max(...accepted)).toBe(1);
    // The others were on their way when the server was killed.
    expect(accepted.filter((times) => times === 1).length).toBeGreaterThan(40);
  } finally {
    claimers.close();
    await redis.close();
  }
}, 120_000);
