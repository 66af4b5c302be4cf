import { setTimeout as delay } from 'node:timers/promises';
import {
  migrateNonces,
  nonceSchema,
  postgresNonceStore,
} from '@countersign/server/nonces/postgres';
import { type Postgres, startPostgres } from '@countersign/test-servers';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newNonce, second } from './nonces-faults.js';
import { clientOf, closeOpened, poolOf, storeOn } from './nonces-postgres-rig.js';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.close());
afterEach(closeOpened);

// A process whose clock lags: what has expired for the others lives for it.
const behind = () => Date.now() - 1_000_000;
const count = async (pool: pg.Pool, table: string) =>
  Number((await pool.query(`SELECT count(*) FROM ${table}`)).rows[0].count);

describe('purge', () => {
  it('removes what expired a margin ago, in batches, and leaves no gap', async () => {
    const pool = poolOf(server.url);
    const { store, table } = await storeOn(pool, { now: behind, purge: { batch: 10 } });
    const claims = [-900, -100, -62, -50, -1, 0, 300].map((from) => [newNonce(), second(from)]);
    const all = () => claims.map(([nonce, at]) => store.claim('a', `${nonce}`, Number(at)));
    expect(await Promise.all(all())).toEqual(Array(7).fill('fresh'));
    for (let i = 0; i < 22; i++) await store.claim('a', newNonce(), second(-200));
    expect(await store.purge()).toBe(25);
    expect(await count(pool, table)).toBe(4);
    const gone = ['unavailable', 'unavailable', 'unavailable'];
    expect(await Promise.all(all())).toEqual([...gone, ...Array(4).fill('replayed')]);
    // What was never there cannot be told from what was removed.
    expect(await store.claim('a', newNonce(), second(-70))).toBe('unavailable');
    expect(await store.claim('a', newNonce(), second(-50))).toBe('fresh');
    expect(await store.purge()).toBe(0); // it was done just now
  });

  it('a claim that began before the horizon was raised is waited for', async () => {
    const pool = poolOf(server.url);
    const { store, table } = await storeOn(pool, { now: behind, deadline: 5_000 });
    const [used, expired] = [newNonce(), second(-100)];
    expect(await store.claim('a', used, expired)).toBe('fresh');
    // Stops every insertion after it has seen the horizon, and before it looks for the row.
    await pool.query(`CREATE FUNCTION ${table}_stop() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END'`);
    await pool.query(`CREATE TRIGGER stop BEFORE INSERT ON ${table}
      FOR EACH ROW EXECUTE FUNCTION ${table}_stop()`);
    const gate = await clientOf(server.url);
    await gate.query('SELECT pg_advisory_lock(42)');
    const replay = store.claim('a', used, expired);
    await expect
      .poll(async () => (await pool.query(`SELECT FROM pg_locks WHERE NOT granted`)).rowCount)
      .toBe(1);
    const purged = store.purge();
    await delay(200);
    expect(await count(pool, table)).toBe(1);
    await gate.query('SELECT pg_advisory_unlock(42)');
    expect(await replay).not.toBe('fresh');
    expect(await purged).toBe(1);
    expect(await store.claim('a', used, expired)).toBe('unavailable');
  });

  it('removes nothing up to a horizon that a later one has raised meanwhile', async () => {
    const pool = poolOf(server.url);
    const { store, table } = await storeOn(pool, {
      now: behind,
      deadline: 5_000,
      purge: { every: 1, batch: 1 },
    });
    const expired = [second(-100), second(-100), second(-100)];
    const late = second(-30);
    for (const at of [...expired, late]) {
      expect(await store.claim('a', newNonce(), at)).toBe('fresh');
    }
    const gate = await clientOf(server.url);
    await gate.query('BEGIN');
    await gate.query(`LOCK TABLE ${table} IN SHARE MODE`);
    const purged = store.purge();
    await expect
      .poll(async () => (await pool.query(`SELECT FROM pg_locks WHERE NOT granted`)).rowCount)
      .toBe(1);
    await pool.query(`UPDATE ${table}_state SET horizon = horizon + 3600`);
    await gate.query('COMMIT');
    expect(await purged).toBe(3);
    expect(await count(pool, table)).toBe(1);
  });

  it('many processes that purge and claim at once revive nothing', async () => {
    const pools = [poolOf(server.url), poolOf(server.url), poolOf(server.url)];
    const [first] = pools as [pg.Pool];
    const { table } = await storeOn(first);
    const purge = { every: 1, batch: 7 };
    const options = { table, now: behind, purge, deadline: 5_000 };
    const stores = await Promise.all(
      pools.map(async (pool) => (await storeOn(pool, options)).store),
    );
    const fresh = new Map<string, number>();
    const nonces = Array.from(
      { length: 60 },
      (_, i) => [newNonce(), second(-64 + (i % 6))] as const,
    );
    const begin = Date.now();
    while (Date.now() < begin + 2_500) {
      await Promise.all(
        stores.flatMap((store) => [
          store.purge(),
          ...nonces.map(async ([nonce, at]) => {
            if ((await store.claim('a', nonce, at)) !== 'fresh') return;
            fresh.set(nonce, (fresh.get(nonce) ?? 0) + 1);
          }),
        ]),
      );
    }
    expect(Math.max(...fresh.values())).toBe(1);
    expect(await count(first, table)).toBeLessThan(fresh.size);
  });

  it('happens by itself, until the store is closed', async () => {
    const pool = poolOf(server.url);
    const { store, table } = await storeOn(pool, { now: behind, purge: { every: 1 } });
    await store.claim('a', newNonce(), second(-100));
    await expect.poll(() => count(pool, table), { timeout: 4_000 }).toBe(0);
    store.close();
    expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
  });
});

describe('schema', () => {
  it('is made once, by however many at once, and kept', async () => {
    const pool = poolOf(server.url);
    await Promise.all(Array.from({ length: 8 }, () => migrateNonces(pool)));
    const store = postgresNonceStore({ pool, start: 'fresh', purge: false });
    const nonce = newNonce();
    expect(await store.claim('a', nonce, second(300))).toBe('fresh');
    await pool.query(nonceSchema());
    await migrateNonces(pool);
    expect(await store.claim('a', nonce, second(300))).toBe('replayed');
  });

  it('may be partitioned by the hash of the id', async () => {
    const pool = poolOf(server.url);
    await pool.query(`CREATE TABLE parted (id uuid PRIMARY KEY, expires_at bigint NOT NULL)
      PARTITION BY HASH (id)`);
    for (const part of [0, 1, 2]) {
      await pool.query(`CREATE TABLE parted_${part} PARTITION OF parted
        FOR VALUES WITH (MODULUS 3, REMAINDER ${part})`);
    }
    const { store } = await storeOn(pool, { table: 'public.parted', now: behind });
    const claims = Array.from({ length: 30 }, () => newNonce());
    for (const verdict of ['fresh', 'replayed']) {
      for (const nonce of claims) expect(await store.claim('a', nonce, second(-100))).toBe(verdict);
    }
    expect(await store.purge()).toBe(30);
    expect(await store.claim('a', `${claims[0]}`, second(-100))).toBe('unavailable');
  });

  it('data that was lost, and is said to be: what is dated up to then is refused', async () => {
    const pool = poolOf(server.url);
    const { store, table } = await storeOn(pool, {
      start: 'normal',
      now: () => Date.now() - 60_000,
    });
    const dated = (at: number) => store.claim('a', newNonce(), at + 300);
    const before = second(0);
    expect(await dated(before)).toBe('fresh');
    await migrateNonces(pool, { table, lost: true });
    const after = second(0);
    expect(await dated(before)).toBe('unavailable');
    expect(await dated(after + 1)).toBe('fresh');
    const { store: strict } = await storeOn(pool, { table, start: 'strict' });
    expect(await strict.claim('a', newNonce(), before + 600)).toBe('unavailable');
    expect(await strict.claim('a', newNonce(), after + 601)).toBe('fresh');
  });
});

it.each<[string, readonly unknown[]]>([
  ['skew', [0, 1.5, 3_601, Number.NaN, '300', null]],
  ['clockMargin', [0, 1.5, 3_601, '60', null]],
  ['deadline', [0, 0.5, 10_001, Infinity, '250', null]],
  ['start', ['', 'Fresh', false, null]],
  ['now', [0, '', null]],
  ['prepare', [0, 'true', null]],
  ['table', ['', 'a b', 'A', 'a.b.c', 'a"b', 'a;b', '1a', `a${'b'.repeat(50)}`, 1, null]],
  ['purge', [true, null, 1, 'x', { every: 0 }, { batch: 0 }, { every: null }, { batches: 1 }]],
  ['pool', [undefined, null, {}, 'postgres://localhost', new pg.Client(), new pg.Pool()]],
  ['tabel', ['a']],
])('a bad option is refused by name: %s', (option, values) => {
  const pool = new pg.Pool({ connectionTimeoutMillis: 250 });
  for (const value of values) {
    let message = 'nothing was thrown';
    try {
      postgresNonceStore({ pool, purge: false, [option]: value });
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      ({ message } = error);
    }
    expect([value, message.slice(0, option.length + 2)]).toEqual([value, `${option}: `]);
  }
});

it.each(['table', 'lost', 'now', 'pool', 'lsot'])(
  'a migration refuses by name: %s',
  async (option) => {
    const { pool, ...options }: Record<string, unknown> = { pool: poolOf(server.url), [option]: 1 };
    await expect(migrateNonces(pool as pg.Pool, options)).rejects.toThrow(
      new RegExp(`^${option}: `),
    );
  },
);
