import type { NonceStore } from '@countersign/server';
import {
  type ContractCheck,
  type NonceStoreContractOptions,
  nonceStoreContract,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { BROKEN_STORES, correctStore, type SharedStore, sharedStore } from './broken-stores.js';

/** Names of the checks that fail, with their messages. */
async function faultsOf(checks: readonly ContractCheck[]): Promise<Map<string, string>> {
  const faults = new Map<string, string>();
  for (const { name, run } of checks) {
    await run().catch((error: Error) => faults.set(name, error.message));
  }
  return faults;
}

/** Options of a contract on shared stores, all parts left out that those in these tests do not have. */
function shared(
  faults: { readonly race?: boolean; readonly swallow?: boolean; readonly own?: boolean } = {},
): NonceStoreContractOptions {
  return {
    create: ({ skew }) => sharedStore(skew, new Set(), faults),
    without: ['clock', 'capacity'],
    reopen: (store, { skew }) =>
      sharedStore(skew, faults.own ? new Set() : (store as SharedStore).data, faults),
    breakBackend: (store) => {
      (store as SharedStore).broken = true;
    },
  };
}

describe('memoryNonceStore', () => {
  for (const { name, run } of nonceStoreContract({ create: correctStore })) it(name, run);
});

describe('a shared store', () => {
  for (const { name, run } of nonceStoreContract(shared())) it(name, run);
});

describe('broken stores', () => {
  it.each(BROKEN_STORES)('$fault', async ({ create, found }) => {
    const faults = await faultsOf(nonceStoreContract({ create }));
    expect([...faults.keys()]).toEqual(expect.arrayContaining([...found]));
    for (const message of faults.values()) expect(message).toMatch(/expected .*, got |were fresh/);
  });

  it('each check finds one of them', () => {
    const found = new Set(BROKEN_STORES.flatMap((store) => store.found));
    const names = nonceStoreContract({ create: correctStore }).map(({ name }) => name);
    expect([...found].sort()).toEqual([...names].sort());
  });

  it.each([
    ['shares nothing', { own: true }, 'what one process claimed is replayed in another'],
    ['race', { race: true }, 'of 200 claims through two processes exactly one is fresh'],
    ['takes an error for fresh', { swallow: true }, 'an error is never taken for fresh'],
  ])('a shared store that has the fault: %s', async (_, faults, name) => {
    const found = await faultsOf(nonceStoreContract(shared(faults)));
    expect([...found.keys()]).toContain(name);
  });
});

describe('nonceStoreContract', () => {
  it('says what was expected and what came', async () => {
    const checks = nonceStoreContract({ create: ({ skew }) => ({ skew, claim: () => 'fresh' }) });
    const faults = await faultsOf(checks);
    expect(faults.get('the first claim is fresh, every later one replayed')).toBe(
      'second claim: expected "replayed", got "fresh"',
    );
  });

  it('leaves out what it is told to, and what depends on it', () => {
    const names = (without: NonceStoreContractOptions['without'] = []) =>
      nonceStoreContract({ create: correctStore, without }).map(({ name }) => name);
    const without = (...parts: readonly string[]) => names().filter((n) => !parts.includes(n));
    const room = 'a full store has room again once pairs have expired';
    const horizon = 'a claim at or before what was forgotten is unavailable';
    expect(names(['forgetting'])).toEqual(without(horizon, room));
    expect(names(['start'])).toEqual(names().filter((name) => !name.startsWith('start "')));
    expect(names(['capacity'])).toEqual(
      names().filter((name) => !/full store|capacity/.test(name)),
    );
    expect(names(['clock', 'capacity'])).toEqual(
      names(['capacity', 'start', 'forgetting']).filter(
        (name) => !/last second|steps back/.test(name),
      ),
    );
  });

  it('gives every check a name of its own', () => {
    const names = nonceStoreContract(shared()).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('closes every store it made, also when a check fails', async () => {
    const open = new Set<NonceStore>();
    let made = 0;
    const options: NonceStoreContractOptions = {
      ...shared({ race: true, swallow: true }),
      create: ({ skew }) => {
        const store = sharedStore(skew, new Set(), { race: true, swallow: true });
        open.add(store);
        made++;
        return store;
      },
      close: (store) => {
        open.delete(store);
      },
    };
    expect((await faultsOf(nonceStoreContract(options))).size).toBeGreaterThan(1);
    expect(made).toBe(nonceStoreContract(options).length);
    expect(open.size).toBe(0);
  });

  it('refuses options that would leave something out unawares', () => {
    expect(() => nonceStoreContract(undefined as never)).toThrow(/^create: /);
    expect(() => nonceStoreContract({} as never)).toThrow(/^create: /);
    expect(() =>
      nonceStoreContract({ create: correctStore, without: ['clocks' as never] }),
    ).toThrow(/^without: "clocks" is not a part/);
  });
});
