// A process of its own that fills a store in memory, and tells how it did as JSON: the memory of the process is what is measured.
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryNonceStore } from '@countersign/server';
import { median } from '../rounds.mjs';

// So many claims are timed together: a clock read for each would cost as much as the claim.
const AT_ONCE = 100;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

let nonces = 0;

// When the collector was at work, in milliseconds: it looks at all that a process holds, most of which is not the store's.
const collections = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ['gc'] });

function collectedBetween(begin, end) {
  let sum = 0;
  for (const { startTime, duration } of collections) {
    const shared = Math.min(end, startTime + duration) - Math.max(begin, startTime);
    if (shared > 0) sum += shared;
  }
  return sum;
}

/** The longest times of a list, in milliseconds: without what the collector took of them, and with it. */
async function longestOf(times) {
  await setTimeout(50); // to be told of the last collections
  const own = times.map(({ begin, wall, held }) =>
    Math.min(held, wall - collectedBetween(begin, begin + wall)),
  );
  return { own: Math.max(0, ...own), all: Math.max(0, ...times.map(({ held }) => held)) };
}

/** A store whose seconds pass when they are told to. */
class Filling {
  #store;
  #credentials;
  #second = 1_600_000_000;
  /** Microseconds of each claim, by the mean of so many that were timed together. */
  each = [];
  /** Those that took longer than a millisecond. */
  slow = [];

  constructor(credentials) {
    this.#credentials = Array.from({ length: credentials }, (_, i) => `caller-${i}`);
    const options = { capacity: 2 ** 24, perCredential: 2 ** 24, perProcess: true, start: 'fresh' };
    this.#store = memoryNonceStore({ ...options, now: () => this.#second * 1000 });
  }

  get size() {
    return this.#store.size;
  }

  pass(seconds) {
    this.#second += seconds;
  }

  /** Claims new nonces that live for so many seconds. */
  claim(count, life) {
    const expiresAt = this.#second + life;
    for (let done = 0; done < count; done += AT_ONCE) {
      const claims = Array.from({ length: AT_ONCE }, () => this.#next());
      const cpu = process.cpuUsage();
      const begin = performance.now();
      for (const [credential, nonce] of claims) {
        if (this.#store.claim(credential, nonce, expiresAt) !== 'fresh') throw new Error(nonce);
      }
      const wall = performance.now() - begin;
      const { user, system } = process.cpuUsage(cpu);
      // While another process had the core, this one was not held up by itself.
      const held = Math.min(wall, (user + system) / 1000);
      if (held > 1) this.slow.push({ begin, wall, held });
      this.each.push((wall * 1000) / AT_ONCE);
    }
  }

  #next() {
    const number = nonces++;
    const credential = this.#credentials[number % this.#credentials.length];
    return [credential, `${number}`.padStart(22, 'N')];
  }
}

const resident = () => {
  collect();
  collect();
  return process.memoryUsage.rss();
};

/** Fills one to `live` nonces, of which `perSecond` expire in each second, and then lets time pass. */
async function fill({ live, perSecond, credentials, seconds }) {
  for (let life = 1; life <= 5; life++) new Filling(credentials).claim(100_000, life); // compiled by now
  const before = resident();
  const filling = new Filling(credentials);
  const lives = live / perSecond;
  for (let second = 1; second <= lives; second++) filling.claim(perSecond, second);
  const growing = await longestOf(filling.slow);
  const { size } = filling;
  const bytes = (resident() - before) / size;
  filling.slow = [];
  filling.each = [];
  for (let second = 0; second < seconds; second++) {
    filling.pass(1);
    filling.claim(perSecond, lives);
  }
  const expiring = await longestOf(filling.slow);
  return {
    ...{ size, bytes, claim: median(filling.each), left: filling.size },
    ...{ growing: growing.own, expiring: expiring.own },
    collector: Math.max(growing.all, expiring.all),
  };
}

process.stdout.write(JSON.stringify(await fill(JSON.parse(process.argv[2]))));
