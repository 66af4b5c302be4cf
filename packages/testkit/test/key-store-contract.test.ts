import { type KeyEntry, type KeyRecord, type KeyStore, staticKeys } from '@countersign/server';
import {
  type ContractCheck,
  type KeyStoreContractOptions,
  keyStoreContract,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

/** A store that can change and break. */
interface LiveKeys extends KeyStore {
  keys: KeyStore;
}

const live: KeyStoreContractOptions = {
  create: (entries): LiveKeys => ({
    keys: staticKeys(entries),
    find(credential) {
      return this.keys.find(credential);
    },
    health() {
      return this.keys.health?.();
    },
  }),
  replace: (store, entries) => {
    (store as LiveKeys).keys = staticKeys(entries);
  },
  breakBackend: (store) => {
    (store as LiveKeys).keys = {
      find: () => Promise.reject(new Error('connection lost')),
      health: () => Promise.reject(new Error('connection lost')),
    };
  },
};

async function faultsOf(checks: readonly ContractCheck[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { name, run } of checks) await run().catch(() => faults.push(name));
  return faults;
}

/** A store over the correct one, with another way to find. */
function altered(alter: (keys: KeyStore, entries: readonly KeyEntry[]) => KeyStore['find']) {
  return (entries: readonly KeyEntry[]): KeyStore => ({
    find: alter(staticKeys(entries), entries),
  });
}

async function changed(
  store: KeyStore,
  credential: string,
  change: (record: KeyRecord) => KeyRecord,
): Promise<KeyRecord | undefined> {
  const record = await store.find(credential);
  return record === undefined ? undefined : change(record);
}

describe('staticKeys', () => {
  for (const { name, run } of keyStoreContract({ create: staticKeys })) it(name, run);
});

describe('a store that can change', () => {
  for (const { name, run } of keyStoreContract(live)) it(name, run);
});

const BROKEN: readonly (readonly [
  fault: string,
  change: Partial<KeyStoreContractOptions>,
  found: string,
])[] = [
  [
    'knows nobody',
    { create: altered(() => () => undefined) },
    'a known credential is found with its secret',
  ],
  [
    'null for unknown',
    { create: altered((keys) => async (name) => (await keys.find(name)) ?? (null as never)) },
    'an unknown credential is undefined',
  ],
  [
    'wildcards',
    {
      create: altered((keys, entries) => (name) => {
        const pattern = new RegExp(`^${name.replaceAll('.', '[.]').replaceAll('_', '.')}$`);
        const entry = entries.find(({ credential }) => pattern.test(credential));
        return keys.find(entry?.credential ?? '');
      }),
    },
    'an unknown credential is undefined',
  ],
  [
    'anybody, while there are no keys',
    {
      create: (entries) =>
        entries.length > 0 ? staticKeys(entries) : { find: () => ({}) as KeyRecord },
    },
    'a store without keys knows nobody',
  ],
  [
    'a plain object',
    {
      create: (entries) => {
        const keys = staticKeys(entries);
        const records: Record<string, unknown> = {};
        for (const { credential } of entries) records[credential] = keys.find(credential);
        return { find: (name) => records[name] as KeyRecord | undefined };
      },
    },
    'names that objects inherit are unknown',
  ],
  [
    'turns away inherited names',
    { create: altered((keys) => (name) => (name in {} ? undefined : keys.find(name))) },
    'names that objects inherit can be credentials',
  ],
  [
    'ignores case',
    {
      create: altered((keys, entries) => (name) => {
        const entry = entries.find(
          ({ credential }) => credential.toLowerCase() === name.toLowerCase(),
        );
        return keys.find(entry?.credential ?? '');
      }),
    },
    'upper and lower case are told apart',
  ],
  [
    'cuts at 64 characters',
    {
      create: altered((keys, entries) => (name) => {
        const entry = entries.find(
          ({ credential }) => credential.slice(0, 64) === name.slice(0, 64),
        );
        return keys.find(entry?.credential ?? '');
      }),
    },
    'credentials of 128 characters are told apart to the last one',
  ],
  [
    'every key is active',
    {
      create: altered(
        (keys) => (name) => changed(keys, name, (record) => ({ ...record, status: 'active' })),
      ),
    },
    'algorithm, status and group are kept',
  ],
  [
    'drops the times of secrets',
    {
      create: altered(
        (keys) => (name) =>
          changed(keys, name, (record) => ({
            ...record,
            secrets: record.secrets.map(({ id, secret }) => ({ id, secret })),
          })),
      ),
    },
    'every secret of a key is kept, with its id and its time',
  ],
  [
    'keeps the text of the secret',
    {
      create: altered(
        (keys) => (name) =>
          changed(keys, name, (record) => ({
            ...record,
            secrets: record.secrets.map((secret) => ({ ...secret, text: secret.secret.expose() })),
          })),
      ),
    },
    'a record does not show its secret',
  ],
  [
    'mixes answers',
    {
      create: altered((keys) => {
        let asked = '';
        return async (name) => {
          asked = name;
          await new Promise<void>((resolve) => setImmediate(resolve));
          return keys.find(asked);
        };
      }),
    },
    'lookups at once do not mix',
  ],
  ['never changes', { replace: () => {} }, 'a change of the keys is seen'],
  [
    'an error reads as unknown',
    {
      breakBackend: (store) => {
        (store as LiveKeys).keys = { find: () => undefined };
      },
    },
    'an error is never taken for an unknown credential',
  ],
  [
    'never feels well',
    {
      create: (entries) => ({
        find: staticKeys(entries).find,
        health: () => Promise.reject(new Error('not today')),
      }),
    },
    'health holds while the store answers',
  ],
  [
    'always feels well',
    {
      breakBackend: (store) => {
        (store as LiveKeys).keys = { find: () => Promise.reject(new Error('connection lost')) };
      },
    },
    'health tells of an error',
  ],
];

describe('broken key stores', () => {
  it.each(BROKEN)('%s', async (_, change, found) => {
    expect(await faultsOf(keyStoreContract({ ...live, ...change }))).toContain(found);
  });

  it('each check finds one of them', () => {
    const names = keyStoreContract(live).map(({ name }) => name);
    expect([...new Set(BROKEN.map(([, , found]) => found))].sort()).toEqual([...names].sort());
  });

  it('closes the stores, also when a check fails', async () => {
    let open = 0;
    const checks = keyStoreContract({
      create: (): KeyStore => {
        open++;
        return { find: () => undefined };
      },
      close: () => {
        open--;
      },
    });
    expect(await faultsOf(checks)).not.toHaveLength(0);
    expect(open).toBe(0);
  });

  it('names a bad option', () => {
    expect(() => keyStoreContract({} as never)).toThrow(/^create: /);
  });
});
