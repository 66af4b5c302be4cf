import type { KeyRecord } from '@countersign/server';
import { staticKeys } from '@countersign/server';
import { type CachedKeysOptions, cachedKeys } from '@countersign/server/keys/cached';
import { fakeClock, keyStoreContract } from '@countersign/testkit';
import { describe, expect, it, vi } from 'vitest';
import { Backend } from './keys-cached-rig.js';
import { bytesOf, entryOf } from './keys-rig.js';

function cached(options: CachedKeysOptions = {}) {
  const backend = new Backend([entryOf('a', 1), entryOf('b', 2)]);
  const clock = fakeClock(5_000);
  const store = cachedKeys(backend, { now: clock.now, ...options });
  return { backend, clock, store };
}
const fails = async (answer: () => unknown) =>
  expect((async () => answer())()).rejects.toThrow('connection lost');

describe('the contract of key stores', () => {
  const made = new Map<unknown, { backend: Backend; clock: ReturnType<typeof fakeClock> }>();
  const contract = keyStoreContract({
    create(keys) {
      const backend = new Backend(keys);
      const clock = fakeClock(0);
      const store = cachedKeys(backend, { now: clock.now });
      made.set(store, { backend, clock });
      return store;
    },
    replace(store, keys) {
      const { backend, clock } = made.get(store) ?? {};
      if (backend !== undefined) backend.keys = staticKeys(keys);
      clock?.advance(30_000);
    },
    breakBackend(store) {
      const { backend } = made.get(store) ?? {};
      if (backend !== undefined) backend.mode = 'fails';
    },
  });
  for (const { name, run } of contract) it(name, run);
});

describe('a key that was found', () => {
  it('is answered at once until ttl has passed', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000 });
    expect(store.find('a')).toBeInstanceOf(Promise);
    const record = await store.find('a');
    clock.advance(999);
    expect(store.find('a')).toBe(record);
    expect(backend.asked).toEqual(['a']);
    backend.keys = staticKeys([entryOf('a', 3)]);
    clock.advance(1);
    await store.find('a');
    expect(bytesOf(store, 'a')).toEqual([3]);
    expect(backend.asked).toEqual(['a', 'a']);
  });

  it('that is gone from the store is gone after ttl', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000, staleIfError: 60_000 });
    await store.find('a');
    backend.keys = staticKeys([]);
    clock.advance(1_000);
    expect(await store.find('a')).toBeUndefined();
    // And an error later does not bring it back.
    backend.mode = 'fails';
    clock.advance(5_000);
    await fails(() => store.find('a'));
  });

  it('is as old as the question, not as the answer', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000 });
    backend.mode = 'hangs';
    const asked = store.find('a');
    clock.advance(900);
    await backend.answer(backend.keys.find('a') as KeyRecord);
    await asked;
    clock.advance(99);
    expect(bytesOf(store, 'a')).toEqual([1]);
    clock.advance(1);
    expect(store.find('a')).toBeInstanceOf(Promise);
  });

  it('in a store that answers at once needs no promise at all', () => {
    const { backend, store } = cached();
    backend.mode = 'at once';
    expect(bytesOf(store, 'a')).toEqual([1]);
    expect(store.find('c')).toBeUndefined();
    expect(store.find('a')).toBe(store.find('a'));
    expect(backend.asked).toEqual(['a', 'c']);
  });
});

describe('a credential that is unknown', () => {
  it('is not asked for again until negativeTtl has passed', async () => {
    const { backend, clock, store } = cached({ negativeTtl: 1_000 });
    expect(await store.find('late')).toBeUndefined();
    backend.keys = staticKeys([entryOf('late', 4)]);
    clock.advance(999);
    expect(store.find('late')).toBeUndefined();
    expect(backend.asked).toEqual(['late']);
    clock.advance(1);
    await store.find('late');
    expect(bytesOf(store, 'late')).toEqual([4]);
  });

  it('is always asked for with negativeTtl: 0', async () => {
    const { backend, store } = cached({ negativeTtl: 0 });
    for (let i = 0; i < 3; i++) expect(await store.find('x')).toBeUndefined();
    expect(backend.asked).toEqual(['x', 'x', 'x']);
  });

  it('takes the record of nobody else', async () => {
    const { backend, store } = cached({ capacity: 2 });
    await store.find('a');
    const record = backend.keys.find('a') as KeyRecord;
    backend.keys = { find: () => record }; // a store that ignores case, say
    for (let i = 0; i < 10; i++) expect(await store.find(`A${i}`)).toBeUndefined();
    expect(store.find('a')).toBe(record);
    backend.keys = { find: () => null as never };
    expect(await store.find('c')).toBeUndefined();
  });
});

describe.each(['fails', 'throws'] as const)('a store that %s', (mode) => {
  it('is told for an unknown credential, and not remembered', async () => {
    const { backend, store } = cached({ staleIfError: 60_000 });
    backend.mode = mode;
    await fails(() => store.find('a'));
    backend.mode = 'answers';
    await store.find('a');
    expect(bytesOf(store, 'a')).toEqual([1]);
  });

  it('is told for a known one, once ttl has passed', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000 });
    await store.find('a');
    backend.mode = mode;
    expect(bytesOf(store, 'a')).toEqual([1]);
    clock.advance(1_000);
    await fails(() => store.find('a'));
  });

  it('leaves a known one for staleIfError, and is asked once a second', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000, staleIfError: 10_000 });
    const record = await store.find('a');
    backend.mode = mode;
    clock.advance(1_000);
    expect(await store.find('a')).toBe(record);
    for (let second = 1; second < 10; second++) {
      expect(store.find('a')).toBe(record);
      clock.advance(999);
      expect(store.find('a')).toBe(record);
      expect(backend.asked).toHaveLength(1 + second);
      clock.advance(1);
      expect(store.find('a')).toBe(record);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    clock.advance(1_000);
    await fails(() => store.find('a'));
  });

  it('is asked in vain for a key of an hour ago', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000, staleIfError: 10_000 });
    await store.find('a');
    backend.mode = mode;
    clock.advance(3_600_000);
    await fails(() => store.find('a'));
  });

  it('is believed again as soon as it answers', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000, staleIfError: 60_000 });
    await store.find('a');
    backend.mode = mode;
    clock.advance(1_000);
    await store.find('a');
    backend.mode = 'answers';
    backend.keys = staticKeys([]);
    clock.advance(1_000);
    store.find('a');
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(store.find('a')).toBeUndefined();
  });
});

describe('a clock', () => {
  it('that goes back makes nothing young again', async () => {
    const { backend, clock, store } = cached({ ttl: 1_000, staleIfError: 1_000 });
    await store.find('a');
    await store.find('x');
    clock.advance(-1);
    expect(store.find('a')).toBeInstanceOf(Promise);
    expect(store.find('x')).toBeInstanceOf(Promise);
    backend.mode = 'fails';
    clock.advance(-1);
    await new Promise<void>((resolve) => setImmediate(resolve));
    await fails(() => store.find('b'));
    await fails(() => store.find('a'));
  });

  it('of the wall that is set has no effect', async () => {
    const backend = new Backend([entryOf('a', 1)]);
    const store = cachedKeys(backend, { ttl: 60_000, negativeTtl: 60_000 });
    await store.find('a');
    await store.find('x');
    const now = vi.spyOn(Date, 'now');
    try {
      for (const time of [0, 4e12]) {
        now.mockReturnValue(time);
        expect(bytesOf(store, 'a')).toEqual([1]);
        expect(store.find('x')).toBeUndefined();
      }
    } finally {
      now.mockRestore();
    }
    expect(backend.asked).toEqual(['a', 'x']);
  });
});

describe('health', () => {
  it('is that of the store', async () => {
    const { backend, store } = cached();
    await store.health();
    backend.mode = 'fails';
    await expect(store.health()).rejects.toThrow('unwell');
    expect(cachedKeys(staticKeys([])).health()).toBeUndefined();
  });
});

describe('options', () => {
  it.each([
    ['ttl', 0],
    ['ttl', Number.POSITIVE_INFINITY],
    ['ttl', null],
    ['staleIfError', -1],
    ['negativeTtl', 3_600_001],
    ['capacity', 0],
    ['negativeCapacity', 1.5],
    ['maxLookups', 0],
    ['timeout', '5'],
    ['now', 5],
    ['now', null],
    ['TTL', 5],
  ])('%s: %s', (option, value) => {
    expect(() => cachedKeys(staticKeys([]), { [option]: value })).toThrow(
      new RegExp(`^${option}: `),
    );
  });

  it.each([undefined, null, {}, [], 'keys'])('no store: %o', (store) => {
    expect(() => cachedKeys(store as never)).toThrow(/^store: /);
  });
});
