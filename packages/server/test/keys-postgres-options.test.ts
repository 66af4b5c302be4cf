import { keySchema, migrateKeys, postgresKeys } from '@countersign/server/keys/postgres';
import { type Postgres, startPostgres } from '@countersign/test-servers';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { encryption, hasSecret, keyOf, rejection } from './keys-database-rig.js';
import { clientOf, closeOpened, poolOf } from './nonces-postgres-rig.js';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterEach(closeOpened);
afterAll(() => server.close());

const unused = new pg.Pool({ connectionTimeoutMillis: 250 });

function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}

it.each<[string, readonly unknown[]]>([
  ['pool', [undefined, null, {}, 'postgres://', pg.Pool, new pg.Client(), new pg.Pool()]],
  ['encryption', [undefined, null, {}, 'ckek_AAAA', { seal: () => '' }, { open: () => '' }]],
  ['table', ['', 'a b', 'A', 'a.b.c', 'a"b', 'x'.repeat(51), 1, null]],
  ['prepare', [0, 1, 'true', null]],
  ['deadline', [0, -1, 0.5, 10_001, Number.NaN, Infinity, '250', null]],
  ['changeDeadline', [0, -1, 0.5, 60_001, Number.NaN, Infinity, '250', null]],
  ['tabel', ['a']],
])('a bad option is refused by name: %s', (option, values) => {
  for (const value of values) {
    const options = { pool: unused, encryption, [option]: value };
    const message = thrown(() => postgresKeys(options as never));
    expect([value, message.slice(0, option.length + 2)]).toEqual([value, `${option}: `]);
  }
});

it('migrates any number of times, at once, into a schema, and by SQL', async () => {
  const pool = poolOf(server.url);
  await pool.query('CREATE SCHEMA mine');
  const table = 'mine.keys';
  await Promise.all(Array.from({ length: 5 }, () => migrateKeys(pool, { table })));
  const store = postgresKeys({ pool, encryption, table });
  await store.change('a', () => keyOf('a', 7));
  await pool.query(keySchema(table));
  expect(hasSecret(await store.find('a'), 7)).toBe(true);
  expect(await rejection(migrateKeys(pool, { tabel: 'a' } as never))).toMatch(/^tabel: /);
  expect(await rejection(migrateKeys(pool, { table: 'a b' }))).toMatch(/^table: /);
  expect(await rejection(migrateKeys({} as never))).toMatch(/^pool: /);
});

it('rejects before it has been migrated', async () => {
  const store = postgresKeys({ pool: poolOf(server.url), encryption, table: 'nowhere' });
  expect(await rejection(store.health())).toMatch(/"nowhere" does not exist/);
  expect(await rejection(store.find('a'))).toMatch(/"nowhere" does not exist/);
  expect(await rejection(store.list())).toMatch(/"nowhere" does not exist/);
  const changed = store.change('a', () => keyOf('a'));
  expect(await rejection(changed)).toMatch(/"nowhere" does not exist/);
});

it('a role that only verifies needs no right to write keys', async () => {
  const pool = poolOf(server.url);
  await migrateKeys(pool);
  const writing = postgresKeys({ pool, encryption });
  await writing.change('a', () => keyOf('a', 7));
  const admin = await clientOf(server.url);
  // As the documentation has it.
  await admin.query(`CREATE ROLE verifier LOGIN;
GRANT SELECT ON countersign_keys TO verifier;
GRANT SELECT, INSERT, UPDATE ON countersign_keys_used TO verifier;`);
  const store = postgresKeys({
    pool: poolOf(server.url.replace('//postgres@', '//verifier@')),
    encryption,
  });
  await store.health();
  expect(hasSecret(await store.find('a'), 7)).toBe(true);
  await store.noteUses(new Map([['a', 60_000]]));
  expect(await rejection(store.change('a', () => undefined))).toMatch(/permission denied/);
  expect(await writing.list()).toMatchObject([{ credential: 'a', lastUsed: 60_000 }]);
});
