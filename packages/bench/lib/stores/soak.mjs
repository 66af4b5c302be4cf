// Claims at a steady rate for a long time: is a verdict ever wrong, and does memory grow?
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { slopeOf } from './slope.mjs';
import { atOnce, steadyRate, TICK } from './steady-rate.mjs';
import { Traffic } from './traffic.mjs';

// Short, so that nonces expire and are purged all the time (s).
const SKEW = 2;
const CLOCK_MARGIN = 1;
const PURGE_EVERY = 1;
const SAMPLES = 600;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** Those of a store for a soak; one in memory takes what it knows of them. */
export const SOAK_OPTIONS = {
  ...{ skew: SKEW, clockMargin: CLOCK_MARGIN, start: 'fresh' },
  // Of a machine that is busy with something else, or collects garbage, no verdict is to depend.
  deadline: 5_000,
  purge: { every: PURGE_EVERY },
};

/**
 * Soaks stores that share what they know.
 *
 * @param stores - with SOAK_OPTIONS
 * @param options - `minutes`; `rate` of claims a second, else the highest steady one is found; `told` is called with a text
 * @returns counts of verdicts, resident memory in kilobytes with its slope, and `wrong`, the number of wrong verdicts
 */
export async function soak(stores, { minutes, rate: given, told = () => {} }) {
  const lives = { skew: SKEW, kept: SKEW + 1 + CLOCK_MARGIN + PURGE_EVERY };
  const found = given ?? (await steadyRate(stores, lives, told));
  const traffic = new Traffic(stores, { rate: found, ...lives });
  // What finding the rate left behind is not to be counted.
  collect();
  const memory = await steadily(traffic, found, minutes * 60_000, told);
  const half = memory.slice(memory.length >> 1);
  return {
    ...{ minutes, rate: found, wrong: traffic.wrong },
    ...traffic.counts,
    rss: { first: memory[0].kilobytes, last: memory.at(-1).kilobytes, slope: slopeOf(half) },
  };
}

/** Begins as many claims as are due, tick by tick, and samples memory. What this process was late for is made up for by and by. */
async function steadily(traffic, rate, milliseconds, told) {
  const start = performance.now();
  const memory = [];
  let begun = 0;
  for (let now = start; now < start + milliseconds; now = performance.now()) {
    const passed = now - start;
    const due = Math.floor((passed * rate) / 1000);
    const most = Math.min(due, begun + atOnce(rate));
    while (begun < most) begun += traffic.begin();
    if (passed >= (memory.length * milliseconds) / SAMPLES) {
      memory.push({ minute: passed / 60_000, kilobytes: process.memoryUsage.rss() / 1024 });
      const { counts, wrong } = traffic;
      const done = `${Math.floor(passed / 1000)} of ${milliseconds / 1000} s`;
      told(`${done}, ${counts.claims.toLocaleString('en')} claims, ${wrong} wrong`);
    }
    await delay(TICK);
  }
  await traffic.over();
  return memory;
}
