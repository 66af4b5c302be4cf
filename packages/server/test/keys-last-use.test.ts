import { setTimeout as delay } from 'node:timers/promises';
import type { VerificationEvent } from '@countersign/server';
import {
  type LastUseStore,
  migrateKeys,
  postgresKeys,
  trackLastUse,
} from '@countersign/server/keys/postgres';
import { startFaultProxy, startPostgres } from '@countersign/test-servers';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { encryption, keyOf, rejection } from './keys-database-rig.js';
import { closeOpened, poolOf } from './nonces-postgres-rig.js';
import { startRig } from './wire.js';

const MINUTE = 60_000;
const START = Date.parse('2026-11-01T10:00:30Z');
const event = (credential: string | undefined, type: VerificationEvent['type'] = 'accepted') =>
  ({ type, credential }) as VerificationEvent;

/** A store that keeps every write, and fails when it is told to. */
class Ledger implements LastUseStore {
  readonly writes: ReadonlyMap<string, number>[] = [];
  fails = false;
  async noteUses(uses: ReadonlyMap<string, number>): Promise<void> {
    await delay(1);
    this.writes.push(new Map(uses));
    if (this.fails) throw new Error('away');
  }
}

it('writes each key once, however many requests there were, with its last minute', async () => {
  const ledger = new Ledger();
  let now = START;
  const lastUse = trackLastUse(ledger, { now: () => now });
  onTestFinished(() => lastUse.close());
  for (let i = 0; i < 10_000; i++) {
    lastUse.onEvent(event(`c${i % 5}`));
    if (i === 5_000) now += MINUTE;
  }
  await lastUse.flush();
  const minute = Date.parse('2026-11-01T10:01:00Z');
  expect(ledger.writes).toEqual([new Map([0, 1, 2, 3, 4].map((i) => [`c${i}`, minute]))]);
  await lastUse.flush();
  expect(ledger.writes).toHaveLength(1); // there was nothing to write
});

it('notes what was accepted, and nothing else', async () => {
  const ledger = new Ledger();
  const lastUse = trackLastUse(ledger, { now: () => START });
  for (const type of ['refused', 'anonymous'] as const) lastUse.onEvent(event('forged', type));
  lastUse.onEvent(event(undefined));
  lastUse.onEvent(event('__proto__'));
  await lastUse.close();
  expect(ledger.writes.map((uses) => [...uses.keys()])).toEqual([['__proto__']]);
});

it('writes by itself, and no more once it is closed', async () => {
  const ledger = new Ledger();
  const lastUse = trackLastUse(ledger, { every: 1 });
  lastUse.onEvent(event('a'));
  await expect.poll(() => ledger.writes.length, { timeout: 5_000 }).toBe(1);
  await lastUse.close();
  lastUse.onEvent(event('b'));
  await delay(1_200);
  expect(ledger.writes).toHaveLength(1);
});

it('holds no more than it may, and writes earlier then', async () => {
  const ledger = new Ledger();
  const lastUse = trackLastUse(ledger, { most: 100, now: () => START });
  for (let i = 0; i < 250; i++) {
    lastUse.onEvent(event(`c${i}`));
    if (i % 50 === 0) await delay(3);
  }
  await lastUse.flush();
  const written = new Set(ledger.writes.flatMap((uses) => [...uses.keys()]));
  expect(written.size).toBeGreaterThanOrEqual(200);
  for (const { size } of ledger.writes) expect(size).toBeLessThanOrEqual(100);
});

it('keeps what could not be written for the next time, within bounds and without a hurry', async () => {
  const ledger = new Ledger();
  ledger.fails = true;
  let now = START;
  const lastUse = trackLastUse(ledger, { most: 100, now: () => now });
  for (let i = 0; i < 150; i++) lastUse.onEvent(event(`c${i}`));
  expect(await rejection(lastUse.flush())).toBe('away');
  const before = ledger.writes.length;
  for (let i = 0; i < 1_000; i++) {
    lastUse.onEvent(event(`d${i}`));
    if (i % 100 === 0) await delay(2);
  }
  expect(ledger.writes).toHaveLength(before);
  ledger.fails = false;
  now += MINUTE;
  lastUse.onEvent(event('c0'));
  await lastUse.flush();
  const last = ledger.writes.at(-1);
  expect(last?.size).toBe(100);
  expect(last?.get('c1')).toBe(Math.floor(START / MINUTE) * MINUTE);
  expect(last?.get('c0')).toBe(Math.floor(now / MINUTE) * MINUTE);
});

it('a store that throws, and a clock that is broken, harm nobody', async () => {
  const broken = trackLastUse({
    noteUses: () => {
      throw new Error('thrown');
    },
  });
  broken.onEvent(event('a'));
  expect(await rejection(broken.flush())).toBe('thrown');
  expect(await rejection(broken.close())).toBe('thrown');
  const ledger = new Ledger();
  for (const time of [Number.NaN, -1, -Infinity, Infinity]) {
    const lastUse = trackLastUse(ledger, { now: () => time });
    lastUse.onEvent(event('a'));
    await lastUse.close();
  }
  expect(ledger.writes).toEqual([]);
});

it.each<[string, unknown, object?]>([
  ['store', undefined],
  ['store', null],
  ['store', {}],
  ['store', { noteUses: 1 }],
  ['options', new Ledger(), null as never],
  ['every', new Ledger(), { every: 0 }],
  ['every', new Ledger(), { every: 3_601 }],
  ['every', new Ledger(), { every: null }],
  ['most', new Ledger(), { most: 0 }],
  ['most', new Ledger(), { most: '10' }],
  ['now', new Ledger(), { now: 1 }],
  ['evry', new Ledger(), { evry: 60 }],
])('a bad option is refused by name: %s', (option, store, options) => {
  const make = () => trackLastUse(store as never, options as never);
  expect(make).toThrow(new RegExp(`^${option}: `));
});

it('is fed by a verifier, and refuses no request while the store is away', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.close());
  const proxy = await startFaultProxy(server.port);
  onTestFinished(() => proxy.close());
  onTestFinished(closeOpened);
  const pool = poolOf(server.url);
  await migrateKeys(pool);
  const keys = postgresKeys({ pool, encryption, deadline: 5_000 });
  await keys.change(TEST_KEY_ENTRY.credential, () => TEST_KEY_ENTRY);
  await keys.change('unused', () => keyOf('unused'));
  const away = poolOf(`postgres://postgres@127.0.0.1:${proxy.port}/postgres`, {
    connectionTimeoutMillis: 250,
  });
  const lastUse = trackLastUse(postgresKeys({ pool: away, encryption, changeDeadline: 300 }));
  const rig = await startRig({ keys, onEvent: lastUse.onEvent, storeTimeout: 5_000 });
  const begun = Math.floor(Date.now() / MINUTE) * MINUTE;
  expect((await rig.send(rig.view())).status).toBe(200);
  expect((await rig.send(rig.view({ credential: 'unused' }))).status).toBe(401);
  await proxy.set('hang');
  const flushed = rejection(lastUse.flush());
  expect((await rig.send(rig.view())).status).toBe(200);
  expect(await flushed).not.toBe('it was not rejected');
  expect((await keys.list()).map(({ lastUsed }) => lastUsed)).toEqual([undefined, undefined]);
  await proxy.set('pass');
  await expect.poll(() => rejection(lastUse.close())).toBe('it was not rejected');
  const [used, unused] = await keys.list();
  expect(unused?.lastUsed).toBeUndefined();
  expect(used?.lastUsed).toBeGreaterThanOrEqual(begun);
  expect((used?.lastUsed as number) % MINUTE).toBe(0);
});
