import { type ContractCheck, expectOneOf, expectThat } from '../contract-check.js';
import { check, expectClaim, type NonceStoreContractOptions, nonceNumber } from './setup.js';

const CAPACITY = 8;

/** What a store of bounded size must do at its bound. */
export function capacityChecks(options: NonceStoreContractOptions): ContractCheck[] {
  return [
    check(options, 'a full store says full and evicts nothing that lives', async (bench) => {
      const store = await bench.create({ capacity: CAPACITY });
      const expiresAt = bench.start + bench.skew;
      for (let n = 0; n < CAPACITY; n++) {
        const what = `claim ${n + 1} of ${CAPACITY} that it has room for`;
        await expectClaim(store, ['a', nonceNumber(n), expiresAt], 'fresh', what);
      }
      for (let n = CAPACITY; n < 3 * CAPACITY; n++) {
        const what = 'one more pair than it has room for';
        await expectClaim(store, ['a', nonceNumber(n), expiresAt + 1], 'full', what);
      }
      for (let n = 0; n < CAPACITY; n++) {
        const what = 'a live pair of a full store must be remembered';
        await expectClaim(store, ['a', nonceNumber(n), expiresAt], 'replayed', what);
      }
    }),

    check(options, 'a full store still knows a replay', async (bench) => {
      const store = await bench.create({ capacity: 1 });
      const expiresAt = bench.start + bench.skew;
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'fresh', 'first claim');
      const what = 'a replay must be called one, full or not: "full" invites the caller to retry';
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'replayed', what);
    }),

    check(options, 'claims at once do not exceed the capacity', async (bench) => {
      const store = await bench.create({ capacity: CAPACITY });
      const expiresAt = bench.start + bench.skew;
      const verdicts = await Promise.all(
        Array.from({ length: 5 * CAPACITY }, async (_, n) =>
          store.claim('a', nonceNumber(n), expiresAt),
        ),
      );
      const fresh = verdicts.filter((verdict) => verdict === 'fresh').length;
      expectThat(fresh === CAPACITY, `${fresh} claims were fresh with room for ${CAPACITY}`);
      for (const [n, verdict] of verdicts.entries()) {
        expectOneOf(verdict, ['fresh', 'full'], 'a new pair');
        const again = verdict === 'fresh' ? 'replayed' : 'full';
        await expectClaim(
          store,
          ['a', nonceNumber(n), expiresAt],
          again,
          `a ${verdict} pair, again`,
        );
      }
    }),
  ];
}

/** What a bounded store must do once it may forget. */
export function roomAgainChecks(options: NonceStoreContractOptions): ContractCheck[] {
  return [
    check(options, 'a full store has room again once pairs have expired', async (bench) => {
      const store = await bench.create({ capacity: 2 });
      const expiresAt = bench.start + bench.skew;
      const late = expiresAt + 10;
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'fresh', 'first of two');
      await expectClaim(store, ['a', nonceNumber(2), late], 'fresh', 'second of two');
      bench.clock.set(expiresAt * 1000 + 999);
      await expectClaim(store, ['a', nonceNumber(3), late], 'full', 'while both live');
      bench.clock.set((expiresAt + 1) * 1000);
      const refused = 'one has expired, and the pair that was refused before is still unused';
      await expectClaim(store, ['a', nonceNumber(3), late], 'fresh', refused);
      await expectClaim(store, ['a', nonceNumber(2), late], 'replayed', 'the one that lives');
      await expectClaim(store, ['a', nonceNumber(4), late], 'full', 'full once more');
    }),
  ];
}
