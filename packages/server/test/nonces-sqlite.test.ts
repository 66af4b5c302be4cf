import { sqliteNonceStore } from '@countersign/server/nonces/sqlite';
import { fakeClock, nonceStoreContract } from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { newNonce, second } from './nonces-faults.js';
import { closeOpened, connectionTo, storeOn, withSqlite } from './nonces-sqlite-rig.js';

afterEach(closeOpened);

withSqlite(() => {
  describe.each(['normal', 'full'] as const)('synchronous "%s"', (synchronous) => {
    const files = new WeakMap<object, string>();
    const contract = nonceStoreContract({
      // What expires is kept for a margin, and how much it holds is up to the disk.
      without: ['forgetting', 'capacity'],
      create({ skew, start, clock: { now } }) {
        const store = storeOn({ skew, start, now, synchronous });
        files.set(store, store.file);
        return store;
      },
      reopen: (first, { skew, start, clock: { now } }) =>
        storeOn({ skew, start, now, synchronous, file: files.get(first) as string }),
      breakBackend: (store) =>
        connectionTo(files.get(store) as string).exec('DROP TABLE nonces; VACUUM'),
    });
    for (const { name, run } of contract) it(name, run);
  });

  it.each([
    [{ file: undefined }, TypeError, 'file: expected a string'],
    [{ file: null }, TypeError, 'file: expected a string'],
    [{ file: '' }, RangeError, 'file: expected a path'],
    [{ file: 'a\0b' }, RangeError, 'file: expected a path'],
    [{ synchronous: 'off' }, TypeError, 'synchronous: expected "normal" or "full"'],
    [{ synchronous: null }, TypeError, 'synchronous: expected "normal" or "full"'],
    [{ purge: true }, TypeError, 'purge: expected an object or false'],
    [{ purge: null }, TypeError, 'purge: expected an object or false'],
    [{ purge: { rows: 1 } }, TypeError, 'purge: unknown member rows'],
    [{ purge: { every: 0 } }, RangeError, 'purge: every: expected a whole number'],
    [{ purge: { batch: 10_001 } }, RangeError, 'purge: batch: expected a whole number'],
    [{ skew: 0 }, RangeError, 'skew: '],
    [{ clockMargin: 0 }, RangeError, 'clockMargin: '],
    [{ deadline: 0 }, RangeError, 'deadline: '],
    [{ path: 'x' }, TypeError, 'path: unknown option'],
  ])('refuses %o', (options, type, message) => {
    const make = () => sqliteNonceStore({ file: 'never-made.db', ...options } as never);
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });

  it('claims that wait when it is closed are unavailable, and so are all later ones', async () => {
    const store = storeOn();
    const waiting = store.claim('a', newNonce(), second(300));
    store.close();
    store.close();
    expect(await waiting).toBe('unavailable');
    expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
    await expect(store.health()).rejects.toThrow('closed');
    await expect(store.purge()).rejects.toThrow('closed');
  });

  it('a claim that lives longer than a week, or not at all, is unavailable', async () => {
    const store = storeOn({ clockMargin: 1 });
    for (const expiresAt of [second(8 * 86_400 + 9), second(-3), Number.NaN, 1.5, Infinity]) {
      expect(await store.claim('a', newNonce(), expiresAt)).toBe('unavailable');
    }
  });

  it('what was purged is not fresh again, in this process or the next, wherever the clock goes', async () => {
    const clock = fakeClock(Date.now());
    const store = storeOn({ now: clock.now, clockMargin: 60, purge: { every: 3600, batch: 2 } });
    const begin = Math.floor(clock.now() / 1000);
    const nonces = Array.from({ length: 9 }, newNonce);
    const claimAll = (of: typeof store) =>
      Promise.all(nonces.map((nonce, i) => of.claim('a', nonce, begin + 300 + (i >> 2))));
    expect(await claimAll(store)).toEqual(nonces.map(() => 'fresh'));
    clock.set((begin + 360) * 1000 - 1);
    expect(await store.purge()).toBe(0);
    clock.advance(1);
    expect(await store.purge()).toBe(4);
    const kept = nonces.map((_, i) => (i < 4 ? 'unavailable' : 'replayed'));
    for (const at of [begin + 359, begin, begin - 3600]) {
      clock.set(at * 1000);
      expect(await claimAll(store)).toEqual(kept);
      expect(await claimAll(storeOn({ file: store.file, now: clock.now }))).toEqual(kept);
    }
    // A clock that runs far ahead forgets what lives, and knows that it did; no more than that is refused.
    clock.set((begin + 86_400) * 1000);
    expect(await store.purge()).toBe(5);
    clock.set(begin * 1000);
    expect(await claimAll(store)).toEqual(nonces.map(() => 'unavailable'));
    expect(await store.claim('a', newNonce(), begin + 302)).toBe('unavailable');
    expect(await store.claim('a', newNonce(), begin + 303)).toBe('fresh');
  });

  it('purges by itself, and does not keep the process alive for it', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout');
    const before = timers().length;
    const store = storeOn({ clockMargin: 1, purge: { every: 1 } });
    expect(timers().length).toBe(before);
    expect(await store.claim('a', newNonce(), second(-1))).toBe('fresh');
    const rows = connectionTo(store.file).prepare('SELECT count(*) AS n FROM nonces');
    expect(rows.get()).toEqual({ n: 1 });
    await expect.poll(() => rows.get(), { timeout: 10_000 }).toEqual({ n: 0 });
  });
});
