import { setTimeout as delay } from 'node:timers/promises';
import type { RequestView } from '@countersign/server';
import { afterEach, expect, it } from 'vitest';
import {
  type Claimers,
  expectOneOfMany,
  newRequest,
  startClaimers,
  sum,
} from './nonces-processes.js';
import { closeOpened, newFile, withSqlite } from './nonces-sqlite-rig.js';

afterEach(closeOpened);

withSqlite(() => {
  it('of 200 copies in each of 3 processes exactly one is accepted, in 100 rounds', async () => {
    // All of them make the file at the same time, if they can.
    await expectOneOfMany({ kind: 'sqlite', url: newFile(), deadline: 10_000 });
  }, 180_000);

  it('processes that are killed in the middle accept nothing twice', async () => {
    const options = { kind: 'sqlite', url: newFile(), deadline: 10_000 } as const;
    const completed: RequestView[] = [];
    const cut: RequestView[] = [];
    for (let kill = 0; kill < 4; kill++) {
      const claimers = await startClaimers(2, options);
      const least = completed.length + 3;
      for (let isAlive = true; isAlive; ) {
        const request = newRequest();
        const sent = claimers.verify({ request, copies: 50 }).catch(() => undefined);
        // Each time at another moment of the transaction, if there is one just then.
        if (completed.length >= least) delay(kill).then(() => claimers.close());
        const counts = await sent;
        if (counts === undefined) {
          cut.push(request);
          isAlive = false;
        } else {
          expect(sum(counts)).toMatchObject({ accepted: 1, replayed: 99 });
          completed.push(request);
        }
      }
    }
    const next = await startClaimers(1, options);
    const once = async (of: Claimers, request: RequestView) =>
      sum(await of.verify({ request, copies: 1 }));
    try {
      for (const request of completed) {
        expect(await once(next, request)).toMatchObject({ replayed: 1 });
      }
      // Whether those had been claimed nobody was told; from now on it is known.
      for (const request of cut) {
        expect(await once(next, request)).toMatchObject({ unavailable: 0, other: 0 });
        expect(await once(next, request)).toMatchObject({ replayed: 1 });
      }
    } finally {
      next.close();
    }
  }, 120_000);
});
