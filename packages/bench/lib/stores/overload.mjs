// Asks for more than a store can do: what does it still do?
import { setTimeout as delay } from 'node:timers/promises';

export const TIMES = [1, 2, 5];
const LANES = 64;
const TICK = 5; // ms
const REST = 1_500; // ms, for what is still under way
const LIFE = 300; // s

let claims = 0;
const run = `${process.pid}-${Date.now().toString(36)}-`;

/**
 * @param stores - that share what they know
 * @param options - `seconds` for each measurement; `told` is called with a text
 * @returns `most`, the fresh claims a second if each of some lanes begins the next claim when it has an answer; and for each of
 *   TIMES, if so many times that are begun whatever the answers: `begun` and `fresh` a second
 */
export async function overload(stores, { seconds, told = () => {} }) {
  const claim = () => {
    const number = claims++;
    const expiry = Math.floor(Date.now() / 1000) + LIFE;
    const nonce = `${run}${number}`.padEnd(22, '-');
    return stores[number % stores.length].claim('orders-service', nonce, expiry, expiry - LIFE);
  };
  told('in turn');
  const most = await inTurn(claim, seconds);
  const rows = [];
  for (const times of TIMES) {
    told(`${times} times as many`);
    rows.push({ times, ...(await byTheClock(claim, most * times, seconds)) });
    await delay(REST);
  }
  return { most, rows };
}

async function inTurn(claim, seconds) {
  const end = performance.now() + seconds * 1000;
  let fresh = 0;
  const lane = async () => {
    while (performance.now() < end) if ((await claim()) === 'fresh') fresh++;
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return fresh / seconds;
}

async function byTheClock(claim, rate, seconds) {
  const start = performance.now();
  let [begun, fresh] = [0, 0];
  const one = async () => {
    if ((await claim()) === 'fresh') fresh++;
  };
  let passed = 0;
  for (; passed < seconds; passed = (performance.now() - start) / 1000) {
    for (const due = passed * rate; begun < due; begun++) one().catch(() => {});
    await delay(TICK);
  }
  return { begun: begun / passed, fresh: fresh / passed };
}
