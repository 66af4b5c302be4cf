// A process of its own that fills a store in memory, and tells how it did as JSON: the memory of the process is what is measured.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryNonceStore } from '@countersign/server';
import { median } from '../rounds.mjs';

// So many claims are timed together: a clock read for each would cost as much as the claim.
const AT_ONCE = 100;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

let nonces = 0;

/** A store whose seconds pass when they are told to. */
class Filling {
  #store;
  #credentials;
  #second = 1_600_000_000;
  /** Microseconds of each claim, by the mean of so many that were timed together. */
  each = [];
  /** Milliseconds of the longest that held the process up. */
  longest = 0;

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
      this.longest = Math.max(this.longest, Math.min(wall, (user + system) / 1000));
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
function fill({ live, perSecond, credentials, seconds }) {
  for (let life = 1; life <= 5; life++) new Filling(credentials).claim(100_000, life); // compiled by now
  const before = resident();
  const filling = new Filling(credentials);
  const lives = live / perSecond;
  for (let second = 1; second <= lives; second++) filling.claim(perSecond, second);
  const growing = filling.longest;
  const { size } = filling;
  const bytes = (resident() - before) / size;
  filling.longest = 0;
  filling.each = [];
  for (let second = 0; second < seconds; second++) {
    filling.pass(1);
    filling.claim(perSecond, lives);
  }
  const expiring = filling.longest;
  return { size, bytes, growing, expiring, claim: median(filling.each), left: filling.size };
}

process.stdout.write(JSON.stringify(fill(JSON.parse(process.argv[2]))));
