import { readFile } from 'node:fs/promises';
import { keySchema, postgresKeys } from '@countersign/server/keys/postgres';
import { nonceSchema, postgresNonceStore } from '@countersign/server/nonces/postgres';
import { type Postgres, startPostgres } from '@countersign/test-servers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encryption, hasSecret, keyOf } from './keys-database-rig.js';
import { newNonce, second } from './nonces-faults.js';
import { closeOpened, poolOf } from './nonces-postgres-rig.js';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await closeOpened();
  await server.close();
});

const sqlOf = (name: string) => readFile(new URL(`../sql/${name}.sql`, import.meta.url), 'utf8');

it('the migrations that are shipped are those of the functions, and the stores work on them', async () => {
  const [nonces, keys] = [await sqlOf('nonces'), await sqlOf('keys')];
  expect(nonces.split('\n').slice(2).join('\n')).toBe(nonceSchema());
  expect(keys.split('\n').slice(2).join('\n')).toBe(keySchema());
  const pool = poolOf(server.url);
  // Any number of times.
  for (const sql of [nonces, keys, nonces, keys]) await pool.query(sql);
  const store = postgresNonceStore({ pool, start: 'fresh', purge: false, deadline: 5_000 });
  const nonce = newNonce();
  const claims = [await store.claim('a', nonce, second(300))];
  claims.push(await store.claim('a', nonce, second(300)));
  expect(claims).toEqual(['fresh', 'replayed']);
  const keyStore = postgresKeys({ pool, encryption, deadline: 5_000 });
  await keyStore.change('a', () => keyOf('a', 7));
  expect(hasSecret(await keyStore.find('a'), 7)).toBe(true);
});
