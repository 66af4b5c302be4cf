import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { NonceStore, NonceVerdict } from '@countersign/server';

/** As a signer makes them. */
export const newNonce = () => randomBytes(16).toString('base64url');

/** So many seconds from now, in whole seconds since 1970. */
export const second = (from: number) => Math.floor(Date.now() / 1000) + from;

/**
 * What becomes of some work, and by how many milliseconds it came later than a bare timer that was set at the same time: what
 * a busy machine does to both is not counted.
 */
export async function timed<T>(
  deadline: number,
  work: () => T | Promise<T>,
): Promise<{ readonly result: T; readonly late: number }> {
  const begin = performance.now();
  let rang = Number.POSITIVE_INFINITY;
  const ring = () => {
    rang = performance.now() - begin;
  };
  // What is in the sockets by then is read before, which a busy machine may take long for.
  const timer = setTimeout(() => setImmediate(ring), deadline);
  const result = await work();
  const took = performance.now() - begin;
  clearTimeout(timer);
  return { result, late: took - Math.max(deadline, Math.min(rang, took)) };
}

/** A claim, and by how much it came late. */
export async function claimTimed(
  store: NonceStore,
  nonce: string,
  deadline: number,
): Promise<{ readonly verdict: NonceVerdict; readonly late: number }> {
  const claim = () => store.claim('a', nonce, second(300));
  const { result: verdict, late } = await timed(deadline, claim);
  return { verdict, late };
}

/** Claims until the store can tell. */
export async function decided(
  store: NonceStore,
  nonce: string,
  expiresAt: number = second(300),
  credential = 'a',
): Promise<NonceVerdict> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const verdict = await store.claim(credential, nonce, expiresAt);
    if (verdict !== 'unavailable') return verdict;
    if (performance.now() > deadline) throw new Error('unavailable for 10 s');
    await delay(5);
  }
}

/** Claims new nonces until one is fresh, and gives that one. */
export async function untilFresh(
  store: NonceStore,
  expiresAt: number = second(300),
  credential = 'a',
): Promise<string> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const nonce = newNonce();
    if ((await store.claim(credential, nonce, expiresAt)) === 'fresh') return nonce;
    if (performance.now() > deadline) throw new Error('nothing is fresh for 10 s');
    await delay(5);
  }
}
