import { postgresNonceStore } from '@countersign/server/nonces/postgres';
import { usePostgres } from '@countersign/test-servers';
import { nonceStoreContract } from '@countersign/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { closeOpened, poolOf, storeOn } from './nonces-postgres-rig.js';

let server: Awaited<ReturnType<typeof usePostgres>>;
let pool: pg.Pool;
const schema = `contract_${Math.random().toString(36).slice(2)}`;
beforeAll(async () => {
  server = await usePostgres();
  pool = poolOf(server.url);
  await pool.query(`CREATE SCHEMA ${schema}`);
});
afterAll(async () => {
  await pool.query(`DROP SCHEMA ${schema} CASCADE`);
  await closeOpened();
  await server.close();
});

describe.each([
  ['prepared', true],
  ['not prepared', false],
])('statements that are %s', (_, prepare) => {
  const tables = new WeakMap<object, string>();
  let count = 0;
  const contract = nonceStoreContract({
    // What expires is forgotten by the clock of the server, and how much it holds is its own affair.
    without: ['forgetting', 'capacity'],
    async create({ skew, start, clock: { now } }) {
      const options = { skew, start, now, prepare, table: `${schema}.n${prepare}${count++}` };
      const { store } = await storeOn(pool, options);
      tables.set(store, options.table);
      return store;
    },
    reopen: (first, { skew, start, clock: { now } }) =>
      postgresNonceStore({
        pool,
        skew,
        start,
        now,
        table: tables.get(first),
        purge: false,
        deadline: 5_000,
      }),
    breakBackend: async (store) => {
      await pool.query(`DROP TABLE ${tables.get(store)}`);
    },
  });
  for (const { name, run } of contract) it(name, run);
});
