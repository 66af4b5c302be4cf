import type { NonceStore, NonceVerdict } from '@countersign/server';
import type { ContractCheck } from '../contract-check.js';
import { expectOneOf } from '../contract-check.js';
import { type FakeClock, fakeClock } from '../fake-clock.js';

/** What a check asks of the store it is about to get. */
export interface NonceStoreSetup {
  /** Seconds. */
  readonly skew: number;
  /** The clock the store must go by; it begins at the present. A store whose time comes from elsewhere may ignore it. */
  readonly clock: FakeClock;
  /** Live nonces at most; `undefined` leaves it to the store. */
  readonly capacity: number | undefined;
  /** What a store that starts empty refuses: see the start rules of the protocol. */
  readonly start: 'normal' | 'strict' | 'fresh';
}

/**
 * A part of the contract that not every store can be held to. `clock`: it goes by the clock of the setup; without it,
 * `forgetting` and `start` are left out too. `forgetting`: it forgets as soon as the last second has passed. `start`: it
 * starts empty, by the start rules. `capacity`: it holds as many as the setup says.
 */
export type NonceStorePart = 'clock' | 'forgetting' | 'start' | 'capacity';

/** How to get at the stores that are checked. */
export interface NonceStoreContractOptions {
  /** Makes an empty store that shares nothing with those made before. */
  create(setup: NonceStoreSetup): NonceStore | Promise<NonceStore>;
  /** Parts to leave out; none unless said otherwise, so that nothing is left out unawares. */
  readonly without?: readonly NonceStorePart[];
  /** For durable and shared stores: opens the data of `store` once more, as another process would. */
  reopen?(store: NonceStore, setup: NonceStoreSetup): NonceStore | Promise<NonceStore>;
  /** Breaks what stands behind the store (its connection, its file), to see that an error never reads as `fresh`. */
  breakBackend?(store: NonceStore): void | Promise<void>;
  /** Called once for every store that was made, when its check is over. */
  close?(store: NonceStore): void | Promise<void>;
}

/** What a check works with. */
export interface Bench {
  readonly clock: FakeClock;
  /** The second in which the check began. */
  readonly start: number;
  /** Seconds. */
  readonly skew: number;
  readonly options: NonceStoreContractOptions;
  create(setup?: Partial<Pick<NonceStoreSetup, 'capacity' | 'start'>>): Promise<NonceStore>;
  reopen(store: NonceStore): Promise<NonceStore>;
}

const SKEW = 300;

/** Makes a check that gets a clock of its own and closes the stores it made. */
export function check(
  options: NonceStoreContractOptions,
  name: string,
  body: (bench: Bench) => Promise<void>,
): ContractCheck {
  const run = async () => {
    const made: NonceStore[] = [];
    // A store with a clock of its own lives in the present, so that is where the checks must be.
    const start = Math.floor(Date.now() / 1000);
    const clock = fakeClock(start * 1000);
    const whole = (setup: Partial<NonceStoreSetup>): NonceStoreSetup => ({
      skew: SKEW,
      clock,
      capacity: setup.capacity,
      start: setup.start ?? 'fresh',
    });
    const keep = (store: NonceStore) => {
      made.push(store);
      return store;
    };
    try {
      await body({
        clock,
        start,
        skew: SKEW,
        options,
        create: async (setup = {}) => keep(await options.create(whole(setup))),
        reopen: async (store) => keep((await options.reopen?.(store, whole({}))) as NonceStore),
      });
    } finally {
      for (const store of made) await options.close?.(store);
    }
  };
  return { name, run };
}

/** The n-th of a series of nonces of the form a signer sends. */
export function nonceNumber(n: number): string {
  return `n${String(n).padStart(21, '0')}`;
}

/** Claims once and throws unless the verdict is one of those expected. */
export async function expectClaim(
  store: NonceStore,
  [credential, nonce, expiresAt]: readonly [credential: string, nonce: string, expiresAt: number],
  expected: NonceVerdict | readonly NonceVerdict[],
  what: string,
): Promise<void> {
  const verdict = await store.claim(credential, nonce, expiresAt);
  expectOneOf(verdict, typeof expected === 'string' ? [expected] : expected, what);
}
