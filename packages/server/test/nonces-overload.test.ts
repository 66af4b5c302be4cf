import { setTimeout as sleep } from 'node:timers/promises';
import type { NonceStore } from '@countersign/server';
import { startPostgres } from '@countersign/test-servers';
import { expect, it } from 'vitest';
import { closeOpened, poolOf, storeOn } from './nonces-postgres-rig.js';

const SKEW = 300;
let claims = 0;

function claim(store: NonceStore) {
  const expiry = Math.floor(Date.now() / 1000) + SKEW;
  return store.claim('orders-service', `nonce-of-its-own-${claims++}`, expiry, expiry - SKEW);
}

/** How many claims a second are fresh, if each of so many lanes begins the next one when it has an answer. */
async function inTurn(store: NonceStore, milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let fresh = 0;
  const lane = async () => {
    while (performance.now() < end) if ((await claim(store)) === 'fresh') fresh++;
  };
  await Promise.all(Array.from({ length: 64 }, lane));
  return (fresh * 1000) / milliseconds;
}

/** The same, if so many a second are begun whether or not there are answers. */
async function byTheClock(store: NonceStore, rate: number, milliseconds: number): Promise<number> {
  const start = performance.now();
  let [begun, fresh] = [0, 0];
  const all: Promise<void>[] = [];
  for (let now = start; now < start + milliseconds; now = performance.now()) {
    for (const due = ((now - start) * rate) / 1000; begun < due; begun++) {
      const done = async () => {
        if ((await claim(store)) === 'fresh') fresh++;
      };
      all.push(done());
    }
    await sleep(5);
  }
  await Promise.all(all);
  return (fresh * 1000) / (performance.now() - start);
}

it('a store that is asked for more than it can do does what it can', {
  timeout: 60_000,
}, async () => {
  const postgres = await startPostgres();
  try {
    const { store } = await storeOn(poolOf(postgres.url), { deadline: 250 });
    await inTurn(store, 1_000); // warms up
    const most = await inTurn(store, 1_500);
    const fresh = await byTheClock(store, most * 5, 3_000);
    console.log(`${Math.round(most)} a second in turn, ${Math.round(fresh)} of five times that`);
    // It was a tenth when all waited until none was in time.
    expect(fresh).toBeGreaterThan(most / 3);
    // Nothing is left over that the next one would have to wait for.
    expect(await claim(store)).toBe('fresh');
  } finally {
    await closeOpened();
    await postgres.close();
  }
});
