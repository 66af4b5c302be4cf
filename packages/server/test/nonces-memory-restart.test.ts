import { setTimeout as delay } from 'node:timers/promises';
import type { RequestView } from '@countersign/server';
import { expect, it } from 'vitest';
import { type Claimers, newRequest, startClaimers, sum } from './nonces-processes.js';

const send = async (claimers: Claimers, request: RequestView) =>
  sum(await claimers.verify({ request, copies: 20 }));
const ALL = { accepted: 0, replayed: 0, unavailable: 0, other: 0 };

/** Dated so many milliseconds from now. */
const dated = (from: number) => newRequest({ now: () => Date.now() + from });

it.each(['normal', 'strict'] as const)(
  'start "%s": a service that is killed and started again accepts no replay of its earlier life',
  async (start) => {
    // As one that has been up for long: what it accepts is what the next one must not.
    const first = await startClaimers(1, { kind: 'memory', start: 'fresh' });
    const used = [dated(0), dated(-200_000), dated(-3_000)];
    const ahead = dated(100_000);
    for (const request of [...used, ahead]) {
      expect(await send(first, request)).toEqual({ ...ALL, accepted: 1, replayed: 19 });
    }
    first.close();
    const next = await startClaimers(1, { kind: 'memory', start });
    try {
      for (const request of used) {
        expect(await send(next, request)).toEqual({ ...ALL, unavailable: 20 });
      }
      // A caller whose clock runs ahead is the hole, which `strict` closes; it refuses everybody for a skew.
      const once = { accepted: 1, replayed: 19 };
      const verdicts = { ...ALL, ...(start === 'strict' ? { unavailable: 20 } : once) };
      expect(await send(next, ahead)).toEqual(verdicts);
      await delay(1_001);
      expect(await send(next, dated(0))).toEqual(verdicts);
      for (const request of used) {
        expect(await send(next, request)).toEqual({ ...ALL, unavailable: 20 });
      }
    } finally {
      next.close();
    }
  },
);
