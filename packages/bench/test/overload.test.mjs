import { startPostgres } from '@countersign/test-servers';
import { expect, it } from 'vitest';
import { CONTENDERS } from '../lib/stores/contenders.mjs';
import { overload, TIMES } from '../lib/stores/overload.mjs';

it('a store that is asked for more than it can do does what it can', {
  timeout: 60_000,
}, async () => {
  const postgres = await startPostgres();
  const { stores, close } = await CONTENDERS.postgres.open(postgres.url, { start: 'fresh' });
  try {
    await overload(stores, { seconds: 0.2 }); // makes its connections
    const { most, rows } = await overload(stores, { seconds: 1.5 });
    expect(rows.map(({ times }) => times)).toEqual(TIMES);
    for (const { times, begun, fresh } of rows) {
      console.log(`${times} times: ${Math.round(fresh)} of ${Math.round(begun)} a second`);
      // If all waited, none would be in time.
      expect(fresh).toBeGreaterThan(most / 3);
    }
  } finally {
    await close();
    await postgres.close();
  }
});
