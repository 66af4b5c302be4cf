import type { ContractCheck } from '../contract-check.js';
import { check, expectClaim, type NonceStoreContractOptions, nonceNumber } from './setup.js';

/** What a store must remember while time passes, and when the clock is set back. */
export function clockChecks(options: NonceStoreContractOptions): ContractCheck[] {
  return [
    check(options, 'a pair is remembered through its whole last second', async (bench) => {
      const store = await bench.create();
      // Up to 2 × skew ahead: the date of a caller whose clock runs ahead as far as is allowed.
      for (const [n, lifetime] of [1, bench.skew, 2 * bench.skew].entries()) {
        const expiresAt = bench.start + lifetime;
        bench.clock.set(bench.start * 1000);
        const pair = ['a', nonceNumber(n), expiresAt] as const;
        const what = `a pair with ${lifetime} s to live`;
        await expectClaim(store, pair, 'fresh', what);
        // One that may be forgotten just then: the pair must not go along with it.
        await expectClaim(store, ['c', nonceNumber(n), expiresAt - 1], 'fresh', 'an earlier pair');
        for (const ms of [expiresAt * 1000 - 1, expiresAt * 1000, expiresAt * 1000 + 999]) {
          bench.clock.set(ms);
          // Another claim first, since many stores forget while they remember.
          await expectClaim(store, ['b', nonceNumber(ms), expiresAt + 10], 'fresh', 'another pair');
          await expectClaim(
            store,
            pair,
            'replayed',
            `${what}, ${ms - expiresAt * 1000} ms into its last second`,
          );
        }
      }
    }),

    check(
      options,
      'a forgotten pair is not fresh again when the clock steps back',
      async (bench) => {
        const store = await bench.create();
        const expiresAt = bench.start + bench.skew;
        const pair = ['a', nonceNumber(1), expiresAt] as const;
        await expectClaim(store, pair, 'fresh', 'first claim');
        bench.clock.set((expiresAt + 1) * 1000);
        const later = expiresAt + 1 + bench.skew;
        await expectClaim(store, ['a', nonceNumber(2), later], 'fresh', 'after its last second');
        for (const ms of [
          expiresAt * 1000 + 999,
          bench.start * 1000,
          (bench.start - 3600) * 1000,
        ]) {
          bench.clock.set(ms);
          await expectClaim(
            store,
            pair,
            ['replayed', 'unavailable'],
            'the pair, with the clock set back',
          );
        }
      },
    ),
  ];
}

/** What a store must do that forgets as soon as it may. */
export function forgettingChecks(options: NonceStoreContractOptions): ContractCheck[] {
  return [
    check(options, 'a claim at or before what was forgotten is unavailable', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'fresh', 'first claim');
      bench.clock.set((expiresAt + 1) * 1000);
      const later = expiresAt + 1 + bench.skew;
      await expectClaim(store, ['a', nonceNumber(2), later], 'fresh', 'after its last second');
      bench.clock.set(bench.start * 1000);
      const what = 'a pair that might have been forgotten, with the clock set back';
      await expectClaim(store, ['a', nonceNumber(3), expiresAt - 1], 'unavailable', what);
      await expectClaim(store, ['a', nonceNumber(4), expiresAt], 'unavailable', what);
      const after = 'a pair that ends after all that was forgotten';
      await expectClaim(store, ['a', nonceNumber(5), expiresAt + 1], 'fresh', after);
    }),
  ];
}

/** What a store that starts empty must refuse: what it may have accepted in an earlier life. */
export function startChecks(options: NonceStoreContractOptions): ContractCheck[] {
  const start = (rule: 'normal' | 'strict', skews: number) =>
    check(
      options,
      `start "${rule}" refuses what ends up to ${skews} × skew after it`,
      async (bench) => {
        const store = await bench.create({ start: rule });
        const horizon = bench.start + skews * bench.skew;
        for (const [n, expiresAt] of [bench.start, horizon - 1, horizon].entries()) {
          const what = `${horizon - expiresAt} s before the horizon of a store that just started`;
          await expectClaim(store, ['a', nonceNumber(n), expiresAt], 'unavailable', what);
          await expectClaim(
            store,
            ['a', nonceNumber(n), expiresAt],
            'unavailable',
            `${what}, again`,
          );
        }
        const after = 'one second after the horizon';
        await expectClaim(store, ['a', nonceNumber(7), horizon + 1], 'fresh', after);
        await expectClaim(store, ['a', nonceNumber(7), horizon + 1], 'replayed', `${after}, again`);
        bench.clock.set((bench.start - 3600) * 1000);
        const back = 'the horizon of the start, with the clock set back';
        await expectClaim(store, ['a', nonceNumber(8), horizon], 'unavailable', back);
      },
    );
  return [
    start('normal', 1),
    start('strict', 2),
    check(options, 'start "fresh" refuses nothing', async (bench) => {
      const store = await bench.create({ start: 'fresh' });
      for (const [n, lifetime] of [0, 1, bench.skew, 2 * bench.skew].entries()) {
        const pair = ['a', nonceNumber(n), bench.start + lifetime] as const;
        await expectClaim(store, pair, 'fresh', `${lifetime} s to live`);
      }
    }),
  ];
}
