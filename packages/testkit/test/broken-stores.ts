import {
  type MemoryNonceStoreOptions,
  memoryNonceStore,
  type NonceStore,
  type NonceVerdict,
} from '@countersign/server';
import type { NonceStoreSetup } from '@countersign/testkit';

type Claim = NonceStore['claim'];

/** A correct store for a check, as the suite asks for it. */
export function correctStore(setup: NonceStoreSetup): NonceStore {
  return memoryNonceStore(memoryOptions(setup));
}

function memoryOptions({ skew, clock, capacity, start }: NonceStoreSetup): MemoryNonceStoreOptions {
  return { skew, start, now: clock.now, capacity, perCredential: capacity };
}

/** A correct store with another way to claim. */
function altered(setup: NonceStoreSetup, alter: (claim: Claim) => Claim): NonceStore {
  const store = correctStore(setup);
  return { skew: store.skew, claim: alter((...pair) => store.claim(...pair)) };
}

/** A store with the usual Map from a key to its expiry, and the mistakes that are usual with it. */
function mapStore(
  setup: NonceStoreSetup,
  mistakes: {
    readonly key?: (credential: string, nonce: string) => string;
    readonly lifetime?: (expiresAt: number, now: number) => number;
    readonly horizon?: (setup: NonceStoreSetup, second: number) => number;
    readonly onFull?: (live: Map<string, number>) => NonceVerdict | undefined;
    readonly fullFirst?: boolean;
    readonly purgesTooMuch?: boolean;
  },
): NonceStore {
  const live = new Map<string, number>();
  const key = mistakes.key ?? ((credential, nonce) => `${credential} ${nonce}`);
  const second = () => Math.floor(setup.clock.now() / 1000);
  const startSkews = { normal: 1, strict: 2, fresh: Number.NEGATIVE_INFINITY }[setup.start];
  let horizon = mistakes.horizon?.(setup, second()) ?? second() + startSkews * setup.skew;
  return {
    skew: setup.skew,
    claim(credential, nonce, expiresAt) {
      const hasty = mistakes.purgesTooMuch && [...live.values()].some((end) => end < second());
      for (const [pair, end] of live) {
        if (hasty ? end > second() : end >= second()) continue;
        live.delete(pair);
        if (mistakes.horizon === undefined) horizon = Math.max(horizon, end);
      }
      const pair = key(credential, nonce);
      const full = live.size >= (setup.capacity ?? Number.POSITIVE_INFINITY);
      if (full && mistakes.fullFirst) return 'full';
      if (live.has(pair)) return 'replayed';
      if (expiresAt <= horizon) return 'unavailable';
      if (full) {
        const verdict = mistakes.onFull === undefined ? 'full' : mistakes.onFull(live);
        if (verdict !== undefined) return verdict;
      }
      live.set(pair, mistakes.lifetime?.(expiresAt, second()) ?? expiresAt);
      return 'fresh';
    },
  };
}

/** What waiting for a database is like. */
const roundTrip = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A mistake, and the names of the checks that must find it. */
export interface BrokenStore {
  readonly fault: string;
  readonly create: (setup: NonceStoreSetup) => NonceStore;
  readonly found: readonly string[];
}

const RACE = 'of 200 claims of one pair at once exactly one is fresh';
const LAST_SECOND = 'a pair is remembered through its whole last second';
const STEP_BACK = 'a forgotten pair is not fresh again when the clock steps back';
const HORIZON = 'a claim at or before what was forgotten is unavailable';
const NORMAL = 'start "normal" refuses what ends up to 1 × skew after it';
const STRICT = 'start "strict" refuses what ends up to 2 × skew after it';
const EVICTION = 'a full store says full and evicts nothing that lives';
const ROOM = 'a full store has room again once pairs have expired';
const FIRST = 'the first claim is fresh, every later one replayed';

export const BROKEN_STORES: readonly BrokenStore[] = [
  {
    fault: 'remembers nothing',
    create: ({ skew }) => ({ skew, claim: () => 'fresh' }),
    found: [FIRST, RACE, LAST_SECOND, STEP_BACK, EVICTION],
  },
  {
    fault: 'asks, waits, then writes',
    create: ({ skew }) => {
      const used = new Set<string>();
      return {
        skew,
        async claim(credential, nonce) {
          const pair = `${credential} ${nonce}`;
          await roundTrip();
          if (used.has(pair)) return 'replayed';
          await roundTrip();
          used.add(pair);
          return 'fresh';
        },
      };
    },
    found: [RACE],
  },
  {
    fault: 'a claim of another pair at once is turned away',
    create: (setup) => {
      let busy = false;
      return altered(setup, (claim) => async (...pair) => {
        if (busy) return 'unavailable';
        busy = true;
        await roundTrip();
        busy = false;
        return claim(...pair);
      });
    },
    found: ['200 claims of different pairs at once are all fresh'],
  },
  {
    fault: 'evicts the least recently used when full',
    create: (setup) =>
      mapStore(setup, {
        onFull: (live) => {
          for (const oldest of live.keys()) {
            live.delete(oldest);
            return undefined;
          }
          return undefined;
        },
      }),
    found: [EVICTION, 'claims at once do not exceed the capacity', ROOM],
  },
  {
    fault: 'forgets everything when full',
    create: (setup) =>
      mapStore(setup, {
        onFull: (live) => {
          live.clear();
          return undefined;
        },
      }),
    found: [EVICTION, 'claims at once do not exceed the capacity', ROOM],
  },
  {
    fault: 'says full, yet drops a live pair',
    create: (setup) =>
      mapStore(setup, {
        onFull: (live) => {
          for (const oldest of live.keys()) {
            live.delete(oldest);
            break;
          }
          return 'full';
        },
      }),
    found: [EVICTION],
  },
  {
    fault: 'looks at its size before it looks for the pair',
    create: (setup) => mapStore(setup, { fullFirst: true }),
    found: ['a full store still knows a replay', EVICTION],
  },
  {
    fault: 'remembers for one second too few',
    create: (setup) => mapStore(setup, { lifetime: (expiresAt) => expiresAt - 1 }),
    found: [LAST_SECOND],
  },
  {
    fault: 'forgets what is in its last second along with what has expired',
    create: (setup) => mapStore(setup, { purgesTooMuch: true }),
    found: [LAST_SECOND],
  },
  {
    fault: 'remembers for the skew from arrival, whatever the date',
    create: (setup) => mapStore(setup, { lifetime: (_, now) => now + setup.skew }),
    found: [LAST_SECOND],
  },
  {
    fault: 'has no horizon',
    create: (setup) => mapStore(setup, { horizon: () => Number.NEGATIVE_INFINITY }),
    found: [STEP_BACK, HORIZON, NORMAL, STRICT],
  },
  {
    fault: 'starts like "normal" where "strict" was asked for',
    create: (setup) =>
      correctStore({ ...setup, start: setup.start === 'strict' ? 'normal' : setup.start }),
    found: [STRICT],
  },
  {
    fault: 'starts like "normal" where "fresh" was asked for',
    create: (setup) =>
      correctStore({ ...setup, start: setup.start === 'fresh' ? 'normal' : setup.start }),
    found: ['start "fresh" refuses nothing'],
  },
  {
    fault: 'lets in what ends in the very second of the horizon',
    create: (setup) =>
      altered(setup, (claim) => (credential, nonce, expiresAt) => {
        const verdict = claim(credential, nonce, expiresAt);
        if (verdict !== 'unavailable') return verdict;
        return claim(credential, nonce, expiresAt + 1);
      }),
    found: [HORIZON, NORMAL, STRICT],
  },
  {
    fault: 'forgets nothing, so never has room again',
    create: (setup) => mapStore(setup, { lifetime: () => Number.POSITIVE_INFINITY }),
    found: [ROOM, HORIZON],
  },
  {
    fault: 'joins credential and nonce without a separator',
    create: (setup) => mapStore(setup, { key: (credential, nonce) => credential + nonce }),
    found: ['credential and nonce are not run together'],
  },
  {
    fault: 'joins credential and nonce by a character of both',
    create: (setup) => mapStore(setup, { key: (credential, nonce) => `${credential}-${nonce}` }),
    found: ['credential and nonce are not run together'],
  },
  {
    fault: 'keys by the nonce alone',
    create: (setup) => mapStore(setup, { key: (_, nonce) => nonce }),
    found: ['the same nonce of another credential is fresh'],
  },
  {
    fault: 'ignores case, as some collations do',
    create: (setup) =>
      mapStore(setup, { key: (credential, nonce) => `${credential} ${nonce}`.toLowerCase() }),
    found: ['upper and lower case are told apart'],
  },
  {
    fault: 'cuts at 64 characters, as some columns do',
    create: (setup) =>
      mapStore(setup, {
        key: (credential, nonce) => `${credential.slice(0, 64)} ${nonce.slice(0, 64)}`,
      }),
    found: ['values of 128 characters are told apart to the last one'],
  },
  {
    fault: 'keeps pairs in plain objects',
    create: (setup) => {
      const used: Record<string, Record<string, number>> = {};
      return altered(setup, () => (credential, nonce, expiresAt) => {
        used[credential] ??= {};
        const nonces = used[credential];
        if (nonce in nonces) return 'replayed';
        nonces[nonce] = expiresAt;
        return 'fresh';
      });
    },
    found: ['names that objects inherit are ordinary names'],
  },
  {
    fault: 'does not say its skew',
    create: (setup) => ({ ...altered(setup, (claim) => claim), skew: Number.NaN }),
    found: ['it says for which skew it was made'],
  },
];

/** A store whose data others can open, and whose connection can break. */
export interface SharedStore extends NonceStore {
  readonly data: Set<string>;
  broken: boolean;
}

/** A shared store; `faults` make it forget to share, write without asking, or take an error for fresh. */
export function sharedStore(
  skew: number,
  data: Set<string>,
  faults: { readonly race?: boolean; readonly swallow?: boolean } = {},
): SharedStore {
  return {
    skew,
    data,
    broken: false,
    async claim(credential, nonce) {
      if (this.broken) {
        if (faults.swallow) return 'fresh';
        throw new Error('connection lost');
      }
      const pair = `${credential} ${nonce}`;
      const known = data.has(pair);
      if (faults.race) await roundTrip();
      data.add(pair);
      return known ? 'replayed' : 'fresh';
    },
  };
}
