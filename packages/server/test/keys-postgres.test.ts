import { migrateKeys, postgresKeys } from '@countersign/server/keys/postgres';
import { type Postgres, startPostgres } from '@countersign/test-servers';
import type pg from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { databaseChecks } from './keys-database-checks.js';
import { encryption, type Place } from './keys-database-rig.js';
import { closeOpened, poolOf } from './nonces-postgres-rig.js';

let server: Postgres;
let pool: pg.Pool;
beforeAll(async () => {
  server = await startPostgres();
  pool = poolOf(server.url, { max: 8 });
});
afterAll(async () => {
  await closeOpened();
  await server.close();
});

let places = 0;

async function place(prepare: boolean): Promise<Place> {
  const table = `keys_${places++}`;
  await migrateKeys(pool, { table });
  return {
    open: (using = encryption) =>
      postgresKeys({ pool, encryption: using, table, prepare, deadline: 5_000 }),
    async read(credential) {
      const text = `SELECT entry::text AS entry, sealed FROM ${table} WHERE credential = $1`;
      return (await pool.query(text, [credential])).rows[0];
    },
    async put(credential, { entry, sealed }) {
      const text = `UPDATE ${table} SET entry = $2, sealed = $3 WHERE credential = $1`;
      await pool.query(text, [credential, entry, sealed]);
    },
    dump: async () => JSON.stringify((await pool.query(`SELECT * FROM ${table}`)).rows),
    async spoil() {
      await pool.query(`DROP TABLE ${table} CASCADE`);
    },
  };
}

describe.each([true, false])('PostgreSQL, prepare: %s', (prepare) => {
  databaseChecks(() => place(prepare));
});
