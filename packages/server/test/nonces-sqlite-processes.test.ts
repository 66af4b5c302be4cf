import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { newNonce, second } from './nonces-faults.js';
import { startClaimers, sum } from './nonces-processes.js';
import { closeOpened, newFile, storeOn, withSqlite } from './nonces-sqlite-rig.js';

afterEach(closeOpened);

withSqlite(() => {
  it('of 200 copies in each of 3 processes exactly one is fresh, in 100 rounds', async () => {
    // All of them make the file at the same time, if they can.
    const claimers = await startClaimers(3, 'sqlite', newFile(), 10_000);
    try {
      for (let round = 0; round < 100; round++) {
        const order = { nonce: newNonce(), copies: 200, expiresAt: second(300) };
        expect([round, sum(await claimers.claim(order))]).toEqual([
          round,
          { fresh: 1, replayed: 599, unavailable: 0, full: 0 },
        ]);
      }
    } finally {
      claimers.close();
    }
  }, 90_000);

  it('processes that are killed in the middle accept nothing twice', async () => {
    const file = newFile();
    const expiresAt = second(300);
    const completed: string[] = [];
    const cut: string[] = [];
    for (let kill = 0; kill < 4; kill++) {
      const claimers = await startClaimers(2, 'sqlite', file, 10_000);
      const killed = delay(40 + 20 * kill).then(() => claimers.close());
      for (let isAlive = true; isAlive; ) {
        const nonce = newNonce();
        const claimed = claimers.claim({ nonce, copies: 50, expiresAt }).catch(() => undefined);
        const counts = await Promise.race([claimed, killed]);
        if (counts === undefined) {
          cut.push(nonce);
          isAlive = false;
        } else {
          expect(sum(counts)).toMatchObject({ fresh: 1, replayed: 99 });
          completed.push(nonce);
        }
      }
      await killed;
    }
    expect(completed.length).toBeGreaterThan(4);
    const store = storeOn({ file });
    for (const nonce of completed) {
      expect(await store.claim('orders', nonce, expiresAt)).toBe('replayed');
    }
    // Whether those had been claimed nobody was told; from now on it is known.
    for (const nonce of cut) {
      expect(await store.claim('orders', nonce, expiresAt)).toMatch(/^(fresh|replayed)$/);
      expect(await store.claim('orders', nonce, expiresAt)).toBe('replayed');
    }
  }, 60_000);
});
