import { migrateNonces } from '@countersign/server/nonces/postgres';
import { startPostgres } from '@countersign/test-servers';
import { expect, it } from 'vitest';
import { closeOpened, poolOf } from './nonces-postgres-rig.js';
import { expectOneOfMany, startClaimers, verifyThroughKills } from './nonces-processes.js';

it('of 200 copies in each of 3 processes exactly one is accepted, in 100 rounds', async () => {
  const postgres = await startPostgres();
  try {
    await migrateNonces(poolOf(postgres.url));
    await expectOneOfMany({ kind: 'postgres', url: postgres.url, deadline: 5_000 });
  } finally {
    await closeOpened();
    await postgres.close();
  }
}, 180_000);

it('a server that is killed in the middle accepts nothing twice', async () => {
  const postgres = await startPostgres({
    config: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
  });
  await migrateNonces(poolOf(postgres.url));
  const claimers = await startClaimers(3, { kind: 'postgres', url: postgres.url, deadline: 200 });
  try {
    const accepted = await verifyThroughKills(claimers, postgres, { rounds: 60, kills: 5 });
    expect(Math.max(...accepted)).toBe(1);
    // The others were on their way when the server was killed.
    expect(accepted.filter((times) => times === 1).length).toBeGreaterThan(40);
  } finally {
    claimers.close();
    await closeOpened();
    await postgres.close();
  }
}, 120_000);
