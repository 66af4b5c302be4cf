import type { NonceStore } from '@countersign/server';
import { type ContractCheck, expectOneOf, expectThat } from '../contract-check.js';
import { check, expectClaim, type NonceStoreContractOptions, nonceNumber } from './setup.js';

const CALLS = 200;

/** What every store must do, whatever its clock. */
export function claimChecks(options: NonceStoreContractOptions): ContractCheck[] {
  return [
    check(options, 'the first claim is fresh, every later one replayed', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'fresh', 'first claim');
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'replayed', 'second claim');
      await expectClaim(store, ['a', nonceNumber(2), expiresAt], 'fresh', 'another nonce');
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'replayed', 'third claim');
      await expectClaim(
        store,
        ['a', nonceNumber(1), expiresAt + 1],
        'replayed',
        'the same pair with another date',
      );
    }),

    check(options, 'the same nonce of another credential is fresh', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'fresh', 'first credential');
      await expectClaim(store, ['b', nonceNumber(1), expiresAt], 'fresh', 'second credential');
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'replayed', 'first once more');
      await expectClaim(store, ['b', nonceNumber(1), expiresAt], 'replayed', 'second once more');
    }),

    check(options, 'credential and nonce are not run together', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      for (const separator of ['', '-', '_']) {
        const tail = `tail${separator}${nonceNumber(1)}`;
        const what = `two pairs that read alike when joined by "${separator}"`;
        await expectClaim(store, ['a', `b${separator}${tail}`, expiresAt], 'fresh', what);
        await expectClaim(store, [`a${separator}b`, tail, expiresAt], 'fresh', what);
      }
    }),

    check(options, 'upper and lower case are told apart', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      await expectClaim(store, ['a', 'abcdefghijklmnop', expiresAt], 'fresh', 'lower case');
      await expectClaim(store, ['a', 'ABCDEFGHIJKLMNOP', expiresAt], 'fresh', 'nonce in capitals');
      await expectClaim(
        store,
        ['A', 'abcdefghijklmnop', expiresAt],
        'fresh',
        'credential in capitals',
      );
    }),

    check(options, 'names that objects inherit are ordinary names', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      for (const credential of ['__proto__', 'constructor', 'hasOwnProperty', 'toString']) {
        for (const nonce of ['__defineGetter__', 'propertyIsEnumerable', '________________']) {
          const what = `${credential} with ${nonce}`;
          await expectClaim(store, [credential, nonce, expiresAt], 'fresh', what);
          await expectClaim(store, [credential, nonce, expiresAt], 'replayed', `${what}, again`);
        }
      }
    }),

    check(options, 'values of 128 characters are told apart to the last one', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      const long = 'x'.repeat(127);
      for (const credential of [`${long}1`, `${long}2`]) {
        for (const nonce of [`${long}1`, `${long}2`]) {
          await expectClaim(store, [credential, nonce, expiresAt], 'fresh', 'long pair');
          await expectClaim(store, [credential, nonce, expiresAt], 'replayed', 'long pair, again');
        }
      }
    }),

    check(options, `of ${CALLS} claims of one pair at once exactly one is fresh`, async (bench) => {
      const store = await bench.create();
      await expectOneFresh([store], bench.start + bench.skew);
    }),

    check(options, `${CALLS} claims of different pairs at once are all fresh`, async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      const verdicts = await Promise.all(
        Array.from({ length: CALLS }, async (_, i) => store.claim('a', nonceNumber(i), expiresAt)),
      );
      for (const verdict of verdicts) expectOneOf(verdict, ['fresh'], 'a pair nobody else claims');
    }),

    check(options, 'it says for which skew it was made', async (bench) => {
      const { skew } = await bench.create();
      expectThat(
        typeof skew === 'number' && skew >= bench.skew && skew <= 3600,
        `skew: expected a number of seconds from ${bench.skew} to 3600, got ${skew}`,
      );
    }),
  ];
}

/** What a store that shares or outlives its data must do. */
export function reopenChecks(options: NonceStoreContractOptions): ContractCheck[] {
  return [
    check(options, 'what one process claimed is replayed in another', async (bench) => {
      const first = await bench.create();
      const expiresAt = bench.start + bench.skew;
      await expectClaim(first, ['a', nonceNumber(1), expiresAt], 'fresh', 'first process');
      const second = await bench.reopen(first);
      await expectClaim(second, ['a', nonceNumber(1), expiresAt], 'replayed', 'second process');
      await expectClaim(second, ['a', nonceNumber(2), expiresAt], 'fresh', 'second process, new');
      await expectClaim(first, ['a', nonceNumber(2), expiresAt], 'replayed', 'first process again');
    }),

    check(
      options,
      `of ${CALLS} claims through two processes exactly one is fresh`,
      async (bench) => {
        const first = await bench.create();
        await expectOneFresh([first, await bench.reopen(first)], bench.start + bench.skew);
      },
    ),
  ];
}

/** What a store must answer when it cannot know. */
export function brokenBackendChecks(options: NonceStoreContractOptions): ContractCheck[] {
  return [
    check(options, 'an error is never taken for fresh', async (bench) => {
      const store = await bench.create();
      const expiresAt = bench.start + bench.skew;
      await expectClaim(store, ['a', nonceNumber(1), expiresAt], 'fresh', 'before the fault');
      await options.breakBackend?.(store);
      for (const n of [1, 2]) {
        const what = 'with a broken backend, a claim must throw, reject or be unavailable';
        const claim = async () => store.claim('a', nonceNumber(n), expiresAt);
        expectOneOf(await claim().catch(() => 'unavailable' as const), ['unavailable'], what);
      }
    }),
  ];
}

async function expectOneFresh(stores: readonly NonceStore[], expiresAt: number): Promise<void> {
  const verdicts = await Promise.all(
    Array.from({ length: CALLS }, async (_, i) =>
      (stores[i % stores.length] as NonceStore).claim('a', nonceNumber(1), expiresAt),
    ),
  );
  const fresh = verdicts.filter((verdict) => verdict === 'fresh').length;
  expectThat(
    fresh === 1,
    `of ${CALLS} claims of one pair at once ${fresh} were fresh: claiming must be one atomic step`,
  );
  for (const verdict of verdicts) {
    expectOneOf(verdict, ['fresh', 'replayed'], 'a claim of a pair that others claim too');
  }
}
