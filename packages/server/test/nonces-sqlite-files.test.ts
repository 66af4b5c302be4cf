import { copyFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fakeClock } from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { newNonce, second, untilFresh } from './nonces-faults.js';
import { closeOpened, connectionTo, newFile, storeOn, withSqlite } from './nonces-sqlite-rig.js';

afterEach(closeOpened);

const removeAll = (file: string) => {
  for (const tail of ['', '-wal', '-shm']) rmSync(file + tail);
};
const replaceByCopy = (file: string) => {
  copyFileSync(file, `${file}.copy`);
  renameSync(`${file}.copy`, file);
};

withSqlite(() => {
  describe.each([
    ['removed', removeAll],
    ['moved away', (file: string) => renameSync(file, `${file}.old`)],
    ['replaced by a copy', replaceByCopy],
    ['bereft of its shared memory', (file: string) => rmSync(`${file}-shm`)],
  ])('a file that is %s', (_, harm) => {
    it('is opened again, and what is dated up to then is refused', async () => {
      const clock = fakeClock(Date.now());
      const options = { now: clock.now, start: 'normal' } as const;
      const store = storeOn(options);
      const begin = Math.floor(clock.now() / 1000);
      const used = await untilFresh(store, begin + 303);
      clock.advance(10_000);
      harm(store.file);
      // Another process may be the first to notice.
      const another = storeOn({ ...options, file: store.file });
      for (const each of [store, another]) {
        expect(await each.claim('a', used, begin + 303)).not.toBe('fresh');
      }
      expect(await store.claim('a', newNonce(), begin + 303)).toBe('unavailable');
      expect(await store.claim('a', newNonce(), begin + 310)).toBe('unavailable');
      clock.advance(1_000);
      // The old files are shared until everybody has let go of them.
      const [nonce] = await Promise.all(
        [store, another].map((each) => untilFresh(each, begin + 312)),
      );
      await store.health();
      expect(await another.claim('a', nonce as string, begin + 312)).toBe('replayed');
    });
  });

  describe.each([
    ['cut to nothing', (file: string) => truncateSync(file)],
    ['cut in the middle', (file: string) => truncateSync(file, 6_000)],
    ['overwritten', (file: string) => writeFileSync(file, 'garbage '.repeat(4_000))],
    ['bereft of its WAL', (file: string) => rmSync(`${file}-wal`)],
  ])('a file that is %s while it is open', (_, harm) => {
    it('makes no nonce fresh again, and is replaced once it was removed', async () => {
      const clock = fakeClock(Date.now());
      const options = { now: clock.now, start: 'normal' } as const;
      const store = storeOn(options);
      const begin = Math.floor(clock.now() / 1000);
      const nonces = Array.from({ length: 2_000 }, newNonce);
      const claimAll = (of: typeof store) =>
        Promise.all(nonces.map((nonce) => of.claim('a', nonce, begin + 301)));
      expect(new Set(await claimAll(store))).toEqual(new Set(['fresh']));
      run(store.file, 'PRAGMA wal_checkpoint(TRUNCATE)');
      clock.advance(2_000);
      harm(store.file);
      expect(await claimAll(store)).not.toContain('fresh');
      const another = tryStoreOn({ ...options, file: store.file });
      if (another !== undefined) expect(await claimAll(another)).not.toContain('fresh');
      for (const tail of ['', '-wal', '-shm']) rmSync(store.file + tail, { force: true });
      clock.advance(1_000);
      expect(await claimAll(store)).not.toContain('fresh');
      clock.advance(1_000);
      await untilFresh(store, begin + 310);
      expect(await claimAll(store)).not.toContain('fresh');
    });
  });

  it.each([
    ['text', (file: string) => writeFileSync(file, 'text '.repeat(500)), 'file is not a database'],
    ['a folder', (file: string) => mkdirSync(file), 'unable to open database file'],
    [
      'in no folder',
      (file: string) => rmSync(dirname(file), { recursive: true }),
      'unable to open',
    ],
    [
      'of something else',
      (file: string) => run(file, 'CREATE TABLE t (x)'),
      'it is a database of something else',
    ],
    [
      'of another version',
      (file: string) => run(file, 'PRAGMA user_version = 7'),
      'it is a database of something else',
    ],
  ])('a file that is %s when the store is made', (_, make, message) => {
    const file = newFile();
    make(file);
    expect(() => storeOn({ file })).toThrow(`file: ${message}`);
  });

  it('the database of something else is left as it is', () => {
    const file = newFile();
    run(file, 'CREATE TABLE t (x)');
    expect(() => storeOn({ file })).toThrow('file: it is a database of something else');
    const database = connectionTo(file);
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
    expect(database.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 't' }]);
  });

  it('a schema of the future is refused, also if it comes while the file is open', async () => {
    const store = storeOn();
    await untilFresh(store);
    run(store.file, 'PRAGMA user_version = 2; ALTER TABLE nonces RENAME TO nonces_2');
    const message = 'its schema has version 2; this store knows version 1 only';
    expect(() => storeOn({ file: store.file })).toThrow(`file: ${message}`);
    expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
    await expect(store.health()).rejects.toThrow(message);
    run(store.file, 'PRAGMA user_version = 1; ALTER TABLE nonces_2 RENAME TO nonces');
    await untilFresh(store);
    run(store.file, 'DELETE FROM state');
    expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
    await expect(store.health()).rejects.toThrow('its state is gone');
  });

  it('what is dated up to a restart of the machine is refused', async () => {
    const clock = fakeClock(Date.now());
    const options = { now: clock.now, start: 'normal' } as const;
    const store = storeOn(options);
    const begin = Math.floor(clock.now() / 1000);
    const used = await untilFresh(store, begin + 302);
    store.close();
    // As if the power had failed: another run of the machine, and the last claims are gone.
    run(store.file, "DELETE FROM nonces; UPDATE state SET boot = 'another'");
    clock.advance(5_000);
    const next = storeOn({ ...options, file: store.file });
    expect(await next.claim('a', used, begin + 302)).toBe('unavailable');
    expect(await next.claim('a', newNonce(), begin + 305)).toBe('unavailable');
    expect(await next.claim('a', newNonce(), begin + 306)).toBe('fresh');
    clock.advance(5_000);
    const third = storeOn({ ...options, file: store.file });
    expect(await third.claim('a', newNonce(), begin + 306)).toBe('fresh');
  });
});

/** Undefined if the file is too much damaged. */
function tryStoreOn(options: Parameters<typeof storeOn>[0]) {
  try {
    return storeOn(options);
  } catch (error) {
    expect(String(error)).toMatch(/^Error: file: (file is not a|database disk image is malformed)/);
    return undefined;
  }
}

function run(file: string, sql: string): void {
  const database = connectionTo(file);
  database.exec(sql);
  database.close();
}
