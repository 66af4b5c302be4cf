import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { migrateKeys, postgresKeys } from '@countersign/server/keys/postgres';
import { type Postgres, startPostgres } from '@countersign/test-servers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type DatabaseKeyStore,
  encryption,
  findTimed,
  hasSecret,
  keyOf,
  rejection,
} from './keys-database-rig.js';
import { clientOf, closeOpened, poolOf } from './nonces-postgres-rig.js';

// States that a real server is brought into; the tests of faults have what stands in between.

const DEADLINE = 100; // ms
const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' };
const TABLE = 'countersign_keys';

let server: Postgres;
beforeEach(async () => {
  server = await startPostgres({ config: DURABLE });
});
afterEach(async () => {
  await closeOpened();
  await server.close();
});

/** A store with the key `a`, whose secret is made of 7. */
async function storeOf(): Promise<DatabaseKeyStore> {
  const pool = poolOf(server.url, { connectionTimeoutMillis: 250, max: 2 });
  await migrateKeys(pool);
  const store = postgresKeys({ pool, encryption, deadline: DEADLINE });
  await store.change('a', () => keyOf('a', 7));
  await untilFound(store);
  return store;
}

async function untilFound(store: DatabaseKeyStore): Promise<void> {
  const found = async () => hasSecret(await store.find('a').catch(() => undefined), 7);
  await expect.poll(found, { interval: 5, timeout: 10_000 }).toBe(true);
}

it('a backend that is ended in the middle of a query', async () => {
  const store = await storeOf();
  const [other, ending] = [await clientOf(server.url), await clientOf(server.url)];
  await other.query(`BEGIN; LOCK TABLE ${TABLE} IN ACCESS EXCLUSIVE MODE`);
  for (const ask of [() => store.find('a'), () => store.change('a', () => keyOf('a', 8))]) {
    const asked = rejection(ask());
    let ended = 0;
    while (ended === 0) {
      const { rowCount } = await ending.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
      );
      ended = rowCount ?? 0;
    }
    expect(await asked).not.toBe('it was not rejected');
  }
  await other.query('ROLLBACK');
  await untilFound(store);
  expect(await store.find('nobody')).toBeUndefined();
});

it('a server that is killed and started again', async () => {
  const store = await storeOf();
  await server.stop('SIGKILL');
  for (const credential of ['a', 'nobody']) {
    const { outcome, late } = await findTimed(store, credential, DEADLINE);
    expect(outcome).toBe('rejected');
    expect(late).toBeLessThan(100);
  }
  await server.start();
  await untilFound(store);
});

it('a standby is read, and changes nothing', async () => {
  const store = await storeOf();
  const direct = await clientOf(server.url);
  const { rows } = await direct.query('SHOW data_directory');
  await writeFile(`${rows[0].data_directory}/standby.signal`, '');
  await server.stop('SIGINT');
  await server.start();
  await untilFound(store);
  await store.health();
  const changes = [
    store.change('a', () => keyOf('a', 8)),
    store.noteUses(new Map([['a', 60_000]])),
  ];
  for (const { status } of await Promise.allSettled(changes)) expect(status).toBe('rejected');
  await (await clientOf(server.url)).query('SELECT pg_promote()');
  await untilFound(store);
  const change = () => rejection(store.change('a', () => keyOf('a', 8)));
  await expect.poll(change, { timeout: 10_000 }).toBe('it was not rejected');
  expect(hasSecret(await store.find('a'), 8)).toBe(true);
});

it('a disk that is full: keys are found, and a change is made or not at all', async () => {
  const store = await storeOf();
  const filling = await clientOf(server.url);
  await filling.query(`INSERT INTO ${TABLE}
    SELECT 'filler-' || i, '{}', 'small, so that no page has room for a key' FROM generate_series(1, 40000) i`);
  // A file that a new process may not make any longer.
  await promisify(execFile)('prlimit', ['--pid', `${server.pid}`, `--fsize=${2 ** 21}:`], {
    ...server.owner,
  });
  const pool = poolOf(server.url);
  const full = postgresKeys({ pool, encryption });
  let refused = 0;
  for (let i = 0; i < 100 && refused < 5; i++) {
    const outcome = await rejection(full.change(`new-${i}`, () => keyOf(`new-${i}`, 8)));
    const isThere = (await full.find(`new-${i}`)) !== undefined;
    expect(isThere).toBe(outcome === 'it was not rejected');
    if (!isThere) refused++;
  }
  expect(refused).toBe(5);
  await untilFound(store);
  await filling.query(`DELETE FROM ${TABLE} WHERE credential LIKE 'filler-%'`);
  await filling.query(`VACUUM ${TABLE}`);
  const change = () => rejection(full.change('new', () => keyOf('new', 9)));
  await expect.poll(change, { timeout: 10_000 }).toBe('it was not rejected');
});
