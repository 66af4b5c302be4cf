import { memoryNonceStore, type NonceStore, type NonceVerdict } from '@countersign/server';
import { tieredNonceStore } from '@countersign/server/nonces/tiered';
import { fakeClock, nonceStoreContract } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

const nonce = (i: number | string = 0) => String(i).padStart(22, 'N');

describe('in front of a store of its own', () => {
  const checks = nonceStoreContract({
    create: ({ skew, capacity, start, clock }) =>
      tieredNonceStore({
        shared: memoryNonceStore({
          skew,
          capacity,
          perCredential: capacity,
          start,
          now: clock.now,
        }),
        now: clock.now,
      }),
  });
  for (const { name, run } of checks) it(name, run);
});

/** Answers one after the other, and counts how often it is asked. */
function answering(...answers: (NonceVerdict | Promise<NonceVerdict>)[]) {
  let asked = 0;
  const store: NonceStore = { skew: 60, claim: () => answers[asked++] as NonceVerdict };
  return { store, asked: () => asked };
}

const clock = fakeClock(Date.UTC(2020, 0, 1));
const expiresAt = Date.UTC(2020, 0, 1) / 1000 + 300;

describe('what the shared store says', () => {
  it.each(['fresh', 'replayed'] as const)('is asked no more once it was %s', async (first) => {
    const { store, asked } = answering(Promise.resolve(first));
    const tiered = tieredNonceStore({ shared: store, now: clock.now });
    expect(await tiered.claim('a', nonce(), expiresAt)).toBe(first);
    expect(await tiered.claim('a', nonce(), expiresAt)).toBe('replayed');
    expect([asked(), tiered.size, tiered.skew]).toEqual([1, 1, 60]);
  });

  it.each(['unavailable', 'full'] as const)('is asked again after %s', async (first) => {
    const { store, asked } = answering(Promise.resolve(first), 'fresh');
    const tiered = tieredNonceStore({ shared: store, now: clock.now });
    expect(await tiered.claim('a', nonce(), expiresAt)).toBe(first);
    expect(await tiered.claim('a', nonce(), expiresAt)).toBe('fresh');
    expect(asked()).toBe(2);
  });

  it('decides between claims at the same time', async () => {
    const { store } = answering(Promise.resolve('fresh'), Promise.resolve('replayed'));
    const tiered = tieredNonceStore({ shared: store, now: clock.now });
    const claims = [tiered.claim('a', nonce(), expiresAt), tiered.claim('a', nonce(), expiresAt)];
    expect(await Promise.all(claims)).toEqual(['fresh', 'replayed']);
    expect(tiered.size).toBe(1);
  });

  it('is passed on if it rejects', async () => {
    const { store } = answering(Promise.reject(new Error('away')));
    const tiered = tieredNonceStore({ shared: store });
    await expect(tiered.claim('a', nonce(), expiresAt)).rejects.toThrow('away');
    expect(tiered.size).toBe(0);
  });
});

it('a full memory asks the shared store, and forgets what has expired', () => {
  const moving = fakeClock(Date.UTC(2020, 0, 1));
  const shared = memoryNonceStore({ start: 'fresh', now: moving.now });
  const tiered = tieredNonceStore({ shared, capacity: 2, now: moving.now });
  for (let i = 0; i < 4; i++) expect(tiered.claim('a', nonce(i), expiresAt)).toBe('fresh');
  expect([tiered.size, shared.size]).toEqual([2, 4]);
  for (let i = 0; i < 4; i++) expect(tiered.claim('a', nonce(i), expiresAt)).toBe('replayed');
  moving.advance(301_000);
  expect(tiered.claim('a', nonce('late'), expiresAt + 300)).toBe('fresh');
  expect(tiered.size).toBe(1);
});

it('is as well as the shared store', async () => {
  const shared = { ...answering().store, health: () => Promise.reject(new Error('away')) };
  await expect(tieredNonceStore({ shared }).health()).rejects.toThrow('away');
});

it.each([
  ['shared', {}],
  ['shared', { shared: {} }],
  ['capacity', { shared: answering().store, capacity: 0 }],
  ['now', { shared: answering().store, now: 1 }],
  ['local', { shared: answering().store, local: true }],
])('%s is checked', (option, options) => {
  expect(() => tieredNonceStore(options as never)).toThrow(new RegExp(`^${option}: `));
});
