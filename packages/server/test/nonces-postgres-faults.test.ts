import { setTimeout as delay } from 'node:timers/promises';
import { migrateNonces } from '@countersign/server/nonces/postgres';
import {
  type Fault,
  type FaultProxy,
  type Postgres,
  type SimpleFault,
  startFaultProxy,
  startPostgres,
} from '@countersign/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { claimTimed, decided, newNonce, second, untilFresh } from './nonces-faults.js';
import { clientOf, closeOpened, poolOf, storeOn } from './nonces-postgres-rig.js';

const DEADLINE = 100; // ms
const QUICK = { connectionTimeoutMillis: 250 };

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.close());

let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startFaultProxy(server.port);
});
afterEach(async () => {
  await proxy.set('pass');
  await closeOpened();
  await proxy.close();
});

const through = () => `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
const alter = (text: string): Fault => ({
  kind: 'alter',
  alter: () => Buffer.from(text, 'latin1'),
});

const FAULTS: readonly (readonly [name: string, fault: Fault | SimpleFault])[] = [
  ['refused', 'refuse'],
  ['hanging', 'hang'],
  ['reset before the server sees it', 'resetBefore'],
  ['applied, and the reply lost with the connection', 'loseReply'],
  ['applied, and the reply lost', 'dropReply'],
  ['slow', { kind: 'slow', milliseconds: 3 * DEADLINE }],
  ['bytes that are no reply', alter('\x16\x03\x01\x02garbage\r\n')],
  ['a page of a web server', alter('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
  ['half a reply', alter('C\x00\x00')],
  // CommandComplete of another statement, then ReadyForQuery.
  ['a reply to something else', alter('C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I')],
];

describe('between it and the server', () => {
  it.each(FAULTS)('%s: unavailable in time, then as before', async (_, fault) => {
    const { store } = await storeOn(poolOf(through(), { max: 4, ...QUICK }), {
      deadline: DEADLINE,
    });
    const used = await untilFresh(store);
    await proxy.set(fault);
    const begun = [newNonce(), newNonce()];
    for (const nonce of [used, ...begun]) {
      const { verdict, late } = await claimTimed(store, nonce, DEADLINE);
      expect(verdict).toBe('unavailable');
      expect(late).toBeLessThan(100);
    }
    await expect(store.health()).rejects.toThrow();
    await proxy.set('pass');
    const recovered = untilFresh(store);
    while (!(await Promise.race([recovered, delay(2)]))) {
      expect(await store.claim('a', used, second(300))).not.toBe('fresh');
    }
    expect(await decided(store, used)).toBe('replayed');
    for (const nonce of begun) {
      await store.claim('a', nonce, second(300));
      expect(await decided(store, nonce)).toBe('replayed');
    }
    await store.health();
  });

  it('what was applied before its reply was lost is not fresh when it is sent again', async () => {
    const { store } = await storeOn(poolOf(through(), QUICK), { deadline: DEADLINE });
    for (const kind of ['loseReply', 'dropReply'] as const) {
      await untilFresh(store);
      const nonce = newNonce();
      await proxy.set(kind);
      expect(await store.claim('a', nonce, second(300))).toBe('unavailable');
      await proxy.set('pass');
      await untilFresh(store);
      expect(await decided(store, nonce)).toBe('replayed');
    }
  });

  it.each(['resetBefore', 'loseReply'] as const)(
    '%s: a migration rejects, and nothing else is told',
    async (kind) => {
      const pool = poolOf(through());
      await pool.query('SELECT 1');
      await proxy.set(kind);
      // An error of the connection that nobody listens to would be one of this process.
      await expect(migrateNonces(pool, { table: 'lost' })).rejects.toThrow();
      await proxy.set('pass');
      await migrateNonces(pool, { table: 'lost' });
    },
  );

  it.each(['refuse', 'hang'] as const)('%s: no burst when it is over', async (kind) => {
    const pool = poolOf(through(), { max: 4, ...QUICK });
    const { store, table } = await storeOn(pool, { deadline: DEADLINE });
    await untilFresh(store);
    await proxy.set(kind);
    for (let i = 0; i < 5; i++) {
      const claims = Array.from({ length: 100 }, () => store.claim('a', newNonce(), second(300)));
      expect(new Set(await Promise.all(claims))).toEqual(new Set(['unavailable']));
    }
    await proxy.set('pass');
    await untilFresh(store);
    await delay(50);
    const direct = await clientOf(server.url);
    const { rows } = await direct.query(`SELECT count(*)::int AS count FROM ${table}`);
    // Those that were on their way, one for each connection and time it was lost; not those that waited for one.
    expect(rows[0].count).toBeLessThan(60);
  });
});

describe('in the server', () => {
  it('a backend that is ended in the middle of a query', async () => {
    const { store, table } = await storeOn(poolOf(server.url, { max: 2, ...QUICK }), {
      deadline: DEADLINE,
    });
    const other = await clientOf(server.url);
    await untilFresh(store);
    await other.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const nonce = newNonce();
    const waiting = store.claim('a', nonce, second(300));
    let ended = 0;
    while (ended === 0) {
      const { rowCount } = await other.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
      );
      ended = rowCount ?? 0;
    }
    expect(await waiting).toBe('unavailable');
    await other.query('ROLLBACK');
    await untilFresh(store);
    expect(await decided(store, nonce)).toBe('fresh');
  });

  it('a table that is locked is unavailable in time, and nothing is left waiting', async () => {
    const { store, table } = await storeOn(poolOf(server.url, { max: 4 }), { deadline: DEADLINE });
    const other = await clientOf(server.url);
    await untilFresh(store);
    await other.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const nonce = newNonce();
    const { verdict, late } = await claimTimed(store, nonce, DEADLINE);
    expect(verdict).toBe('unavailable');
    expect(late).toBeLessThan(100);
    await other.query('ROLLBACK');
    await untilFresh(store);
    // The statement that was given up may still have been carried out: once in any case.
    const again = [await decided(store, nonce), await decided(store, nonce)];
    expect(again).toEqual([expect.any(String), 'replayed']);
  });

  it('a pool that is used up: nothing is run late, and few wait', async () => {
    const pool = poolOf(server.url, { max: 2, ...QUICK });
    const { store, table } = await storeOn(pool, { deadline: DEADLINE });
    const held = [await pool.connect(), await pool.connect()] as const;
    for (let i = 0; i < 4; i++) {
      const claims = Array.from({ length: 100 }, () => claimTimed(store, newNonce(), DEADLINE));
      for (const { verdict, late } of await Promise.all(claims)) {
        expect(verdict).toBe('unavailable');
        expect(late).toBeLessThan(100);
      }
      expect(pool.waitingCount).toBeLessThan(150);
    }
    for (const client of held) client.release();
    const { rows } = await pool.query(`SELECT count(*)::int AS count FROM ${table}`);
    expect(rows[0].count).toBe(0);
    await untilFresh(store);
  });

  it('a server that is killed and started again forgets nothing', async () => {
    const durable = await startPostgres({
      config: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
    });
    try {
      const { store } = await storeOn(poolOf(durable.url), { deadline: DEADLINE });
      const used: string[] = [];
      for (let i = 0; i < 50; i++) used.push(await untilFresh(store));
      await durable.stop('SIGKILL');
      // Those that serve connections go on until they notice, and what they commit is kept.
      const claim = async () => {
        const nonce = newNonce();
        const verdict = await store.claim('a', nonce, second(300));
        if (verdict === 'fresh') used.push(nonce);
        return verdict;
      };
      await expect.poll(claim).toBe('unavailable');
      await durable.start();
      await untilFresh(store);
      for (const nonce of used) expect(await decided(store, nonce)).toBe('replayed');
    } finally {
      await closeOpened();
      await durable.close();
    }
  });
});
