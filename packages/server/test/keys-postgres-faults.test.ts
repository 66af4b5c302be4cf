import { setTimeout as delay } from 'node:timers/promises';
import { migrateKeys, postgresKeys } from '@countersign/server/keys/postgres';
import {
  type Fault,
  type FaultProxy,
  type Postgres,
  type SimpleFault,
  startFaultProxy,
  startPostgres,
} from '@countersign/test-servers';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  encryption,
  findTimed,
  hasSecret,
  keyOf,
  rejection,
  secretOf,
} from './keys-database-rig.js';
import { clientOf, closeOpened, poolOf } from './nonces-postgres-rig.js';

const DEADLINE = 100; // ms
const QUICK = { connectionTimeoutMillis: 250, max: 4 };

let server: Postgres;
let proxy: FaultProxy;
let places = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.close());
beforeEach(async () => {
  proxy = await startFaultProxy(server.port);
});
afterEach(async () => {
  await proxy.set('pass');
  await closeOpened();
  await proxy.close();
});

/** A store on a table of its own, with the key `a`, whose secret is made of 7. */
async function storeOn(pool: pg.Pool, changeDeadline = 5_000) {
  const table = `keys_${places++}`;
  const patient = poolOf(server.url);
  await migrateKeys(patient, { table });
  await postgresKeys({ pool: patient, encryption, table }).change('a', () => keyOf('a', 7));
  const store = postgresKeys({ pool, encryption, table, deadline: DEADLINE, changeDeadline });
  return { store, table };
}

const through = () => poolOf(`postgres://postgres@127.0.0.1:${proxy.port}/postgres`, QUICK);
const alter = (text: string): Fault => ({
  kind: 'alter',
  alter: () => Buffer.from(text, 'latin1'),
});
const READY = 'Z\x00\x00\x00\x05I';

const FAULTS: readonly (readonly [name: string, fault: Fault | SimpleFault])[] = [
  ['refused', 'refuse'],
  ['hanging', 'hang'],
  ['reset before the server sees it', 'resetBefore'],
  ['answered, and the reply lost with the connection', 'loseReply'],
  ['answered, and the reply lost', 'dropReply'],
  ['slow', { kind: 'slow', milliseconds: 3 * DEADLINE }],
  ['bytes that are no reply', alter('\x16\x03\x01\x02garbage\r\n')],
  ['half a reply', alter('C\x00\x00')],
  // CommandComplete of another statement, then ReadyForQuery.
  ['no rows', alter(`C\x00\x00\x00\x0dSELECT 0\x00${READY}`)],
  ['a row that is not there', alter(`C\x00\x00\x00\x0dSELECT 1\x00${READY}`)],
  ['a reply to something else', alter(`C\x00\x00\x00\x0dDELETE 1\x00${READY}`)],
];

async function untilFound(store: Awaited<ReturnType<typeof storeOn>>['store']) {
  const found = async () => (await store.find('a').catch(() => undefined)) !== undefined;
  await expect.poll(found, { interval: 5, timeout: 10_000 }).toBe(true);
}

describe('between it and the server', () => {
  it.each(FAULTS)('%s: rejects in time, then as before', async (_, fault) => {
    const { store } = await storeOn(through(), 2 * DEADLINE);
    await untilFound(store);
    await proxy.set(fault);
    for (const credential of ['a', 'nobody', 'a']) {
      const { outcome, late } = await findTimed(store, credential, DEADLINE);
      expect(outcome).toBe('rejected');
      expect(late).toBeLessThan(100);
    }
    expect(await rejection(store.health())).not.toBe('it was not rejected');
    expect(await rejection(store.change('a', () => keyOf('a')))).not.toBe('it was not rejected');
    await proxy.set('pass');
    await untilFound(store);
    expect(await store.find('nobody')).toBeUndefined();
    await store.health();
    expect(hasSecret(await store.find('a'), 7)).toBe(true);
    await store.change('a', () => keyOf('a', 8));
    expect(hasSecret(await store.find('a'), 8)).toBe(true);
  });

  it.each(['resetBefore', 'loseReply'] as const)(
    '%s: a migration rejects, and nothing else is told',
    async (kind) => {
      const pool = poolOf(`postgres://postgres@127.0.0.1:${proxy.port}/postgres`);
      await pool.query('SELECT 1');
      await proxy.set(kind);
      // An error of the connection that nobody listens to would be one of this process.
      await expect(migrateKeys(pool, { table: 'lost' })).rejects.toThrow();
      await proxy.set('pass');
      await migrateKeys(pool, { table: 'lost' });
    },
  );

  it('an answer about another key is not taken for "none"', async () => {
    const { store } = await storeOn(through());
    await untilFound(store);
    // In a row of it, the text that was asked for, behind its length.
    const alter = (reply: Buffer) =>
      Buffer.from(reply.toString('latin1').replace('\x06nobody', '\x06anyone'), 'latin1');
    await proxy.set({ kind: 'alter', alter });
    expect(await rejection(store.find('nobody'))).toBe('PostgreSQL answered something else');
    expect(hasSecret(await store.find('a'), 7)).toBe(true);
  });

  it('a change whose reply was lost is made once, or not at all', async () => {
    const { store } = await storeOn(through(), 1_000);
    let made = 1;
    for (let i = 0; i < 5; i++) {
      await untilFound(store);
      const outcome = await rejection(
        store.change('a', (key) => {
          proxy.set('loseReply');
          return { credential: 'a', secrets: [...(key?.secrets ?? []), { secret: secretOf(i) }] };
        }),
      );
      expect(outcome).not.toBe('it was not rejected');
      await proxy.set('pass');
      await untilFound(store);
      const { length } = (await store.find('a'))?.secrets ?? [];
      expect([made, made + 1]).toContain(length);
      made = length;
    }
  });
});

describe('in the server', () => {
  it('a table that is locked rejects in time, and nothing is left waiting', async () => {
    const { store, table } = await storeOn(poolOf(server.url, QUICK), 2 * DEADLINE);
    const other = await clientOf(server.url);
    await untilFound(store);
    await other.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const { outcome, late } = await findTimed(store, 'a', DEADLINE);
    expect(outcome).toBe('rejected');
    expect(late).toBeLessThan(100);
    expect(await rejection(store.change('a', () => undefined))).toMatch(/answer|timeout/);
    await other.query('ROLLBACK');
    await delay(50);
    await untilFound(store);
    expect(hasSecret(await store.find('a'), 7)).toBe(true);
    const { rows } = await other.query(
      `SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted`,
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  it('a key that somebody holds is waited for, and found meanwhile', async () => {
    const { store, table } = await storeOn(poolOf(server.url, QUICK));
    const other = await clientOf(server.url);
    await other.query(`BEGIN; SELECT FROM ${table} WHERE credential = 'a' FOR UPDATE`);
    let done = false;
    const changed = store
      .change('a', () => keyOf('a', 8))
      .then(() => {
        done = true;
      });
    await delay(50);
    expect([done, hasSecret(await store.find('a'), 7)]).toEqual([false, true]);
    await other.query('COMMIT');
    await changed;
    expect(hasSecret(await store.find('a'), 8)).toBe(true);
  });

  it('a pool that is used up rejects in time', async () => {
    const pool = poolOf(server.url, { ...QUICK, max: 1 });
    const { store } = await storeOn(pool);
    const held = await pool.connect();
    for (let i = 0; i < 4; i++) {
      const finds = Array.from({ length: 50 }, () => findTimed(store, 'a', DEADLINE));
      for (const { outcome, late } of await Promise.all(finds)) {
        expect(outcome).toBe('rejected');
        expect(late).toBeLessThan(100);
      }
    }
    expect(pool.waitingCount).toBeLessThan(150);
    held.release();
    await untilFound(store);
  });

  it('a change that fails leaves no transaction open', async () => {
    const pool = poolOf(server.url, { ...QUICK, max: 1 });
    const { store } = await storeOn(pool);
    const mine = () => {
      throw new Error('mine');
    };
    expect(await rejection(store.change('a', mine))).toBe('mine');
    expect(pool.totalCount).toBe(1); // the connection is kept
    const { rows } = await pool.query('SELECT now() = statement_timestamp() AS outside');
    expect(rows).toEqual([{ outside: true }]);
  });
});
