import { migrateNonces } from '@countersign/server/nonces/postgres';
import { startPostgres } from '@countersign/test-servers';
import { expect, it } from 'vitest';
import { newNonce, second } from './nonces-faults.js';
import { closeOpened, poolOf } from './nonces-postgres-rig.js';
import { claimThroughKills, startClaimers, sum } from './nonces-processes.js';

it('of 200 copies in each of 3 processes exactly one is fresh, in 100 rounds', async () => {
  const postgres = await startPostgres();
  await migrateNonces(poolOf(postgres.url));
  const claimers = await startClaimers(3, 'postgres', postgres.url, 5_000);
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
    await closeOpened();
    await postgres.close();
  }
}, 90_000);

it('a server that is killed in the middle accepts nothing twice', async () => {
  const postgres = await startPostgres({
    config: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
  });
  await migrateNonces(poolOf(postgres.url));
  const claimers = await startClaimers(3, 'postgres', postgres.url, 200);
  try {
    const fresh = await claimThroughKills(claimers, postgres, { rounds: 60, kills: 5 });
    expect(Math.max(...fresh)).toBe(1);
    // The others were on their way when the server was killed.
    expect(fresh.filter((times) => times === 1).length).toBeGreaterThan(40);
  } finally {
    claimers.close();
    await closeOpened();
    await postgres.close();
  }
}, 60_000);
