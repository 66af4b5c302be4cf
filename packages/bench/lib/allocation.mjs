// Run by itself, with --expose-gc: bytes that one operation leaves to the garbage collector, and the share of time it takes.
import { PerformanceObserver } from 'node:perf_hooks';
import { floorOfSign, floorOfVerify } from './floor.mjs';
import { mustAccept, newSigner, newVerifier, ours, viewOf } from './ours.mjs';

const OPERATIONS = 2_000;
const verifier = newVerifier();
const signer = newSigner();
const work = {
  'floor of sign': () => floorOfSign(),
  sign: () => ours.sign(),
  'floor of verify': () => floorOfVerify(),
  verify: async (view) => mustAccept(await verifier.verify(view)),
};

const rows = [];
for (const [name, run] of Object.entries(work)) {
  const makeViews = () =>
    name === 'verify' ? Array.from({ length: OPERATIONS }, () => viewOf(signer)) : [];
  for (let warm = 0; warm < 10; warm++) {
    for (const view of name === 'verify' ? makeViews() : new Array(OPERATIONS)) await run(view);
  }
  const bytes = [];
  for (let round = 0; round < 5; round++) {
    const views = makeViews();
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    if (name === 'verify') for (const view of views) await run(view);
    else for (let i = 0; i < OPERATIONS; i++) run();
    bytes.push((process.memoryUsage().heapUsed - before) / OPERATIONS);
  }
  rows.push({ name, bytes: bytes.toSorted((a, b) => a - b)[2] });
}

let collecting = 0;
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collecting += duration;
});
observer.observe({ entryTypes: ['gc'] });
const start = performance.now();
while (performance.now() - start < 2_000) {
  for (let i = 0; i < 500; i++) mustAccept(await verifier.verify(viewOf(signer)));
  await new Promise(setImmediate);
}
const share = collecting / (performance.now() - start);
observer.disconnect();
console.log(JSON.stringify({ rows, share }));
