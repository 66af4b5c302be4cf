import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Postgres, startPostgres } from '@countersign/test-servers';
import { fakeClock } from '@countersign/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimTimed, decided, newNonce, second, untilFresh } from './nonces-faults.js';
import { clientOf, closeOpened, poolOf, storeOn } from './nonces-postgres-rig.js';

const DEADLINE = 100; // ms

let server: Postgres;
beforeEach(async () => {
  server = await startPostgres();
});
afterEach(async () => {
  await closeOpened();
  await server.close();
});

it.each(['repeatable read', 'serializable'])(
  'nothing is fresh in the isolation %s',
  async (level) => {
    const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`;
    const { store, table } = await storeOn(poolOf(server.url, { options }));
    const nonce = newNonce();
    expect(await store.claim('a', nonce, second(300))).toBe('unavailable');
    const { store: usual } = await storeOn(poolOf(server.url), { table });
    expect(await usual.claim('a', nonce, second(300))).toBe('fresh');
    expect(await decided(store, nonce)).toBe('replayed');
  },
);

it('a server that has become read-only, and then is no more', async () => {
  const { store } = await storeOn(poolOf(server.url), { deadline: DEADLINE });
  const other = await clientOf(server.url);
  const readOnly = async (value: string) => {
    await other.query(`SET default_transaction_read_only = off`);
    await other.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
    await other.query('SELECT pg_reload_conf()');
  };
  await untilFresh(store);
  await readOnly('on');
  await expect.poll(() => store.claim('a', newNonce(), second(300))).toBe('unavailable');
  expect((await claimTimed(store, newNonce(), DEADLINE)).late).toBeLessThan(100);
  await expect(store.health()).rejects.toThrow();
  await readOnly('off');
  await untilFresh(store);
  await expect.poll(async () => store.health(), { timeout: 5_000 }).toBeUndefined();
});

it('a standby is unavailable, and what it may not have received is refused once it leads', async () => {
  const clock = fakeClock(Date.now());
  const { store } = await storeOn(poolOf(server.url), { start: 'normal', now: clock.now });
  const expiresAt = second(301);
  const used = await untilFresh(store, expiresAt);
  const direct = await clientOf(server.url);
  const { rows } = await direct.query('SHOW data_directory');
  await writeFile(`${rows[0].data_directory}/standby.signal`, '');
  await server.stop('SIGINT');
  await server.start();
  expect(await store.claim('a', newNonce(), expiresAt)).toBe('unavailable');
  await expect(store.health()).rejects.toThrow();
  clock.advance(5_000);
  await (await clientOf(server.url)).query('SELECT pg_promote()');
  const resumed = untilFresh(store, expiresAt + 10);
  while (!(await Promise.race([resumed, delay(2)]))) {
    expect(await store.claim('a', newNonce(), expiresAt)).toBe('unavailable');
  }
  expect(await store.claim('a', newNonce(), expiresAt)).toBe('unavailable');
  expect(await store.claim('a', used, expiresAt)).toBe('unavailable');
  await expect.poll(async () => store.health(), { timeout: 5_000 }).toBeUndefined();
});

it('a disk that is full', async () => {
  const unlimited = await clientOf(server.url);
  const { table } = await storeOn(poolOf(server.url));
  // A file that a new process may not make any longer.
  await unlimited.query(
    `INSERT INTO ${table} SELECT gen_random_uuid(), $1 FROM generate_series(1, 60000)`,
    [second(300)],
  );
  await promisify(execFile)('prlimit', ['--pid', `${server.pid}`, `--fsize=${2 ** 21}:`], {
    ...server.owner,
  });
  const { store } = await storeOn(poolOf(server.url), { table, deadline: DEADLINE });
  const accepted: string[] = [];
  // Some pages still have room, those of the index longer than those of the table.
  for (let refused = 0; refused < 20; ) {
    const nonce = newNonce();
    const { verdict, late } = await claimTimed(store, nonce, DEADLINE);
    expect(late).toBeLessThan(100);
    expect(verdict).toMatch(/^(fresh|unavailable)$/);
    if (verdict === 'fresh') accepted.push(nonce);
    else refused++;
    if (accepted.length > 1_000) throw new Error('there was room');
  }
  for (const nonce of accepted) {
    expect(await decided(store, nonce)).toBe('replayed');
  }
  await unlimited.query(`DELETE FROM ${table} WHERE id < '80000000-0000-0000-0000-000000000000'`);
  await unlimited.query(`VACUUM ${table}`);
  await untilFresh(store);
});

it('a table that is not there yet, or no more', async () => {
  const pool = poolOf(server.url);
  const { store, table } = await storeOn(pool);
  await untilFresh(store);
  await pool.query(`DROP TABLE ${table}, ${table}_state`);
  expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
  await expect(store.health()).rejects.toThrow('does not exist');
  await storeOn(pool, { table });
  await untilFresh(store);
  await pool.query(`DELETE FROM ${table}_state`);
  expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
  await expect(store.health()).rejects.toThrow();
  await storeOn(pool, { table });
  await untilFresh(store);
});
