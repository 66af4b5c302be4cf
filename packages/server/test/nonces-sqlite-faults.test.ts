import { chmodSync, chownSync, existsSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileLimit } from '@countersign/test-servers';
import { afterEach, expect, it } from 'vitest';
import { claimTimed, decided, newNonce, second, timed, untilFresh } from './nonces-faults.js';
import { closeOpened, connectionTo, storeOn, withSqlite } from './nonces-sqlite-rig.js';
import { expectProblem, startRig } from './wire.js';

const DEADLINE = 100; // ms

const isRoot = process.getuid?.() === 0;
afterEach(() => {
  if (isRoot) process.seteuid?.(0);
  closeOpened();
});

withSqlite(() => {
  it('a lock that another has is not waited for beyond the deadline, nor by the event loop', async () => {
    const store = storeOn({ deadline: DEADLINE });
    const other = connectionTo(store.file);
    other.exec('BEGIN IMMEDIATE');
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const nonce = newNonce();
    const { verdict, late } = await claimTimed(store, nonce, DEADLINE);
    clearInterval(counting);
    expect(verdict).toBe('unavailable');
    expect(late).toBeLessThan(100);
    expect(turns).toBeGreaterThan(10);
    await expect(store.health()).rejects.toThrow('locked');
    other.exec('COMMIT');
    await store.health();
    expect(await store.claim('a', nonce, second(300))).toBe('fresh');
  });

  it('over HTTP, a lock that another has is 503 in time, and the handler is not run', async () => {
    const store = storeOn({ deadline: DEADLINE });
    const rig = await startRig({ nonces: store });
    const used = rig.view();
    expect((await rig.send(used)).status).toBe(200);
    const other = connectionTo(store.file);
    other.exec('BEGIN IMMEDIATE');
    const request = rig.view();
    for (const each of [used, request]) {
      const { result, late } = await timed(DEADLINE, () => rig.send(each));
      expectProblem(result, 'nonce_store_unavailable');
      expect(late).toBeLessThan(100);
    }
    expect([rig.accepted.length, (await rig.verifier.health()).ok]).toEqual([1, false]);
    other.exec('COMMIT');
    expect((await rig.send(request)).status).toBe(200);
    for (const each of [used, request]) expectProblem(await rig.send(each), 'nonce_replayed');
    expect(rig.accepted).toHaveLength(2);
  });

  it('claims that wait for a lock are all made once it is free', async () => {
    const store = storeOn();
    const other = connectionTo(store.file);
    other.exec('BEGIN IMMEDIATE');
    const nonces = Array.from({ length: 600 }, newNonce);
    const claims = [...nonces, ...nonces].map((nonce) => store.claim('a', nonce, second(300)));
    setTimeout(() => other.exec('COMMIT'), 30);
    const verdicts = await Promise.all(claims);
    expect(verdicts).toEqual(verdicts.map((_, i) => (i < 600 ? 'fresh' : 'replayed')));
  });

  it('a file that is locked when the store is made, and then is no more', async () => {
    const first = storeOn();
    first.close();
    const other = connectionTo(first.file);
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM nonces; COMMIT');
    const store = storeOn({ file: first.file, deadline: DEADLINE });
    expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
    other.close();
    expect(await store.claim('a', newNonce(), second(300))).toBe('fresh');
  });

  it('a disk that is full', async () => {
    const store = storeOn({ deadline: DEADLINE });
    await untilFresh(store);
    const accepted: string[] = [];
    // A file that this process may not make any longer.
    await fileLimit(`${statSync(`${store.file}-wal`).size + 100_000}`);
    try {
      for (let refused = 0; refused < 20; ) {
        const nonce = newNonce();
        const { verdict, late } = await claimTimed(store, nonce, DEADLINE);
        expect(late).toBeLessThan(100);
        expect(verdict).toMatch(/^(fresh|unavailable)$/);
        if (verdict === 'fresh') accepted.push(nonce);
        else refused++;
        if (accepted.length > 1_000) throw new Error('there was room');
      }
      expect(accepted.length).toBeGreaterThan(5);
      await fileLimit('4096');
      for (let refused = 0; refused < 5; refused++) {
        expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
        await expect(store.health()).rejects.toThrow();
      }
    } finally {
      await fileLimit('unlimited');
    }
    await untilFresh(store);
    await store.health();
    for (const nonce of accepted) expect(await decided(store, nonce)).toBe('replayed');
  });

  it('a file that is read-only', async () => {
    const first = storeOn();
    const { file } = first;
    first.close();
    becomeMortal(file);
    chmodSync(file, 0o444);
    expect(() => storeOn({ file })).toThrow(/^file: .*(permission denied|readonly)/);
    // Of what SQLite itself has refused, something may be left.
    for (const tail of ['', '-wal', '-shm']) {
      if (existsSync(file + tail)) chmodSync(file + tail, 0o644);
    }
    await untilFresh(storeOn({ file }));
  });

  it('a folder that is read-only', async () => {
    const first = storeOn();
    const { file } = first;
    first.close();
    becomeMortal(file);
    const store = storeOn({ file });
    await untilFresh(store);
    for (const tail of ['', '-wal', '-shm']) rmSync(file + tail);
    chmodSync(dirname(file), 0o555);
    expect(await store.claim('a', newNonce(), second(300))).toBe('unavailable');
    await expect(store.health()).rejects.toThrow('unable to open database file');
    chmodSync(dirname(file), 0o755);
    await untilFresh(store);
    await store.health();
  });
});

/** The rights of files mean nothing to root, so they are given to somebody else, who this process is until its test ends. */
function becomeMortal(file: string): void {
  if (!isRoot) return;
  const nobody = 65_534;
  for (const path of [dirname(dirname(file)), dirname(file), file]) chownSync(path, nobody, nobody);
  process.seteuid?.(nobody);
}
