import { setTimeout as delay } from 'node:timers/promises';
import { createVerifier, type KeyRecord, memoryNonceStore, staticKeys } from '@countersign/server';
import { cachedKeys } from '@countersign/server/keys/cached';
import { fakeClock, signedRequest, TEST_KEY_ENTRY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { Backend, heapInUse } from './keys-cached-rig.js';
import { bytesOf, entryOf } from './keys-rig.js';

const KNOWN = Array.from({ length: 50 }, (_, i) => entryOf(`known-${i}`, i));

/** A cache that knows its keys already. */
async function warm(options: Parameters<typeof cachedKeys>[1]) {
  const backend = new Backend(KNOWN);
  const clock = fakeClock(0);
  const store = cachedKeys(backend, { now: clock.now, ...options });
  for (const { credential } of KNOWN) await store.find(credential);
  backend.asked.length = 0;
  return { backend, clock, store };
}

describe('a stampede', () => {
  it.each(['known-7', 'nobody'])('of 1,000 for %s is one lookup', async (credential) => {
    const backend = new Backend(KNOWN);
    const store = cachedKeys(backend);
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => store.find(credential)));
    expect(backend.asked).toEqual([credential]);
    expect(new Set(answers)).toEqual(new Set([await backend.keys.find(credential)]));
  });

  it('of requests is one lookup', async () => {
    const backend = new Backend([TEST_KEY_ENTRY]);
    const nonces = memoryNonceStore({ start: 'fresh' });
    const hosts = ['api.example.com'];
    const verifier = createVerifier({ keys: cachedKeys(backend), nonces, hosts });
    const requests = Array.from({ length: 1_000 }, () =>
      signedRequest({ url: 'https://api.example.com/' }),
    );
    const verdicts = await Promise.all(requests.map((request) => verifier.verify(request)));
    expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['accepted']));
    expect(backend.asked).toEqual([TEST_KEY_ENTRY.credential]);
  });

  it('of failures is one lookup, and all are told', async () => {
    const { backend, clock, store } = await warm({ ttl: 1_000 });
    backend.mode = 'fails';
    clock.advance(1_000);
    const answers = Array.from({ length: 1_000 }, () => store.find('known-7'));
    const outcomes = await Promise.allSettled(answers);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(backend.asked).toEqual(['known-7']);
  });
});

describe('a flood of strangers', () => {
  it('takes no room from known keys', async () => {
    const { backend, store } = await warm({ capacity: 50, negativeCapacity: 100 });
    for (let i = 0; i < 20_000; i++) expect(await store.find(`stranger-${i}`)).toBeUndefined();
    const { length } = backend.asked;
    for (const [i, { credential }] of KNOWN.entries())
      expect(bytesOf(store, credential)).toEqual([i]);
    // The last hundred are remembered, and those before them are not.
    for (let i = 19_900; i < 20_000; i++) expect(store.find(`stranger-${i}`)).toBeUndefined();
    expect(backend.asked).toHaveLength(length);
    expect(store.find('stranger-19899')).toBeInstanceOf(Promise);
  });

  it('is remembered up to 10,000 of them, and up to 64 lookups are made at once, unless said otherwise', async () => {
    const { backend, store } = await warm({});
    for (let i = 0; i <= 10_000; i++) await store.find(`stranger-${i}`);
    expect(store.find('stranger-1')).toBeUndefined();
    expect(store.find('stranger-10000')).toBeUndefined();
    const again = store.find('stranger-0');
    expect(again).toBeInstanceOf(Promise);
    await again;
    backend.mode = 'hangs';
    const asked = Array.from({ length: 100 }, (_, i) => (async () => store.find(`x${i}`))());
    const outcomes = Promise.allSettled(asked);
    await backend.answer(undefined);
    expect((await outcomes).filter(({ status }) => status === 'fulfilled')).toHaveLength(64);
  });

  it('takes little memory, however long the texts are that the names were cut from', async () => {
    const { backend, store } = await warm({ negativeTtl: 3_600_000 });
    const padding = 'x'.repeat(4_000);
    const flood = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const field = Buffer.from(`stranger-number-${i}-of-many,${padding}`).toString();
        await store.find(field.slice(0, field.indexOf(',')));
        backend.asked.length = 0;
      }
    };
    await flood(100);
    const before = heapInUse();
    await flood(30_000);
    // 10,000 names are 1 MB; with what they were cut from, 40.
    expect(heapInUse() - before).toBeLessThan(5_000_000);
    expect(bytesOf(store, 'known-1')).toEqual([1]);
  });

  it('takes so many lookups, and none from known keys', async () => {
    const { backend, clock, store } = await warm({ ttl: 1_000, maxLookups: 8 });
    backend.mode = 'hangs';
    const asked = Array.from({ length: 1_000 }, (_, i) => (async () => store.find(`x${i}`))());
    const outcomes = Promise.allSettled(asked);
    expect(backend.asked).toHaveLength(8);
    await expect(asked[8]).rejects.toThrow('too many lookups');
    // A known key whose time is up is asked for all the same.
    clock.advance(1_000);
    const known = store.find('known-3');
    expect(backend.asked.at(-1)).toBe('known-3');
    await backend.answer(backend.keys.find('known-3') as KeyRecord);
    expect(await known).toMatchObject({ credential: 'known-3' });
    expect((await outcomes).filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
    backend.mode = 'answers';
    expect(await store.find('another')).toBeUndefined();
  });

  it('cannot make a verifier accept, or call unknown, what it could not ask for', async () => {
    const backend = new Backend([TEST_KEY_ENTRY]);
    backend.mode = 'hangs';
    const keys = cachedKeys(backend, { maxLookups: 1 });
    const other = keys.find('stranger');
    const nonces = memoryNonceStore({ start: 'fresh' });
    const verifier = createVerifier({ keys, nonces, hosts: ['api.example.com'] });
    const verdict = await verifier.verify(signedRequest({ url: 'https://api.example.com/' }));
    expect(verdict).toMatchObject({ verdict: 'refused', code: 'key_store_unavailable' });
    await backend.answer(undefined);
    await other;
  });
});

describe('a store that hangs', () => {
  it('has failed after timeout; known keys stand in at once from then on', async () => {
    const { backend, clock, store } = await warm({ ttl: 1_000, staleIfError: 60_000, timeout: 20 });
    backend.mode = 'hangs';
    await expect(store.find('nobody')).rejects.toThrow('no answer from the key store within 20 ms');
    clock.advance(1_000);
    expect(await store.find('known-5')).toMatchObject({ credential: 'known-5' });
    clock.advance(1_000);
    expect(bytesOf(store, 'known-5')).toEqual([5]);
    await delay(30); // what asked for it behind the scenes ends unheard
    expect(bytesOf(store, 'known-5')).toEqual([5]);
  });

  it('is not asked more while lookups are overdue, and again once those are given up', async () => {
    const { backend, store } = await warm({ maxLookups: 2, timeout: 20 });
    backend.mode = 'hangs';
    for (const name of ['x', 'y']) await expect(store.find(name)).rejects.toThrow('within 20 ms');
    expect(() => store.find('z')).toThrow('too many lookups');
    expect(backend.asked).toEqual(['x', 'y']);
    await delay(220);
    backend.mode = 'answers';
    expect(await store.find('z')).toBeUndefined();
  });

  it('is not heard when it is too late', async () => {
    const { backend, clock, store } = await warm({ ttl: 1_000, timeout: 20, maxLookups: 1 });
    backend.mode = 'hangs';
    const late = backend.keys.find('known-5') as KeyRecord;
    clock.advance(1_000);
    await expect(store.find('known-5')).rejects.toThrow('within 20 ms');
    await backend.answer(late);
    backend.keys = staticKeys([]);
    backend.mode = 'answers';
    expect(await store.find('known-5')).toBeUndefined();
  });
});

it('more keys than there is room for: the one that was asked for least recently goes', async () => {
  const { backend, store } = await warm({ capacity: 10 });
  for (let i = 40; i < 50; i++) expect(bytesOf(store, `known-${i}`)).toEqual([i]);
  expect(backend.asked).toEqual([]);
  expect(store.find('known-39')).toBeInstanceOf(Promise);
});
