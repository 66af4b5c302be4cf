// Run by itself, with --expose-gc and a young generation that holds a whole round: bytes that one operation allocates, and the
// share of time that the collector takes where it is left alone (--share).
import { PerformanceObserver } from 'node:perf_hooks';
import { floorOfSign, floorOfVerify } from './floor.mjs';
import { mustAccept, newSigner, newVerifier, ours, viewOf } from './ours.mjs';

const OPERATIONS = 2_000;
const ROUNDS = 9;
const verifier = newVerifier();
const signer = newSigner();
const work = {
  'floor of sign': () => floorOfSign(),
  sign: () => ours.sign(),
  'floor of verify': () => floorOfVerify(),
  verify: async (view) => mustAccept(await verifier.verify(view)),
};

let collections = 0;
let collecting = 0;
function count(entries) {
  for (const { duration } of entries) {
    collections++;
    collecting += duration;
  }
}
const observer = new PerformanceObserver((list) => count(list.getEntries()));
observer.observe({ entryTypes: ['gc'] });

/** What the collector has done up to now is counted. */
async function settle() {
  await new Promise(setImmediate);
  count(observer.takeRecords());
}

/** Bytes on the heap that were taken meanwhile; none of them may have been collected. */
async function bytesOf(run, views) {
  globalThis.gc();
  await settle();
  const before = { heap: process.memoryUsage().heapUsed, collections };
  for (let i = 0; i < OPERATIONS; i++) {
    const answer = run(views[i]);
    if (answer instanceof Promise) await answer;
  }
  const bytes = process.memoryUsage().heapUsed - before.heap;
  await settle();
  if (collections !== before.collections) throw new Error('a collection fell into a round');
  return bytes / OPERATIONS;
}

async function allocation() {
  const rows = [];
  for (const [name, run] of Object.entries(work)) {
    const bytes = [];
    // The first rounds warm up: code that is not optimised yet allocates more.
    for (let round = -5; round < ROUNDS; round++) {
      const views = Array.from({ length: OPERATIONS }, () => name === 'verify' && viewOf(signer));
      const taken = await bytesOf(run, views);
      if (round >= 0) bytes.push(taken);
    }
    rows.push({ name, bytes: bytes.toSorted((a, b) => a - b)[ROUNDS >> 1] });
  }
  return rows;
}

/** Of a process that does nothing but sign and verify. */
async function share() {
  const start = performance.now();
  await settle();
  collecting = 0;
  while (performance.now() - start < 2_000) {
    for (let i = 0; i < 500; i++) mustAccept(await verifier.verify(viewOf(signer)));
    await new Promise(setImmediate);
  }
  const spent = performance.now() - start;
  await settle();
  return collecting / spent;
}

console.log(JSON.stringify(process.argv[2] === '--share' ? await share() : await allocation()));
