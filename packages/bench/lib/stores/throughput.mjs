// What a verifier with a shared store gets done, beside the bare statement and the verification without a store.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { mustAccept, newSigner, newVerifier, viewOf } from '../ours.mjs';
import { inTurns, median, ratioOf } from '../rounds.mjs';
import { latencies } from './latencies.mjs';

const CREDENTIAL = 'orders-service';
const LIFE = 600; // s, the longest with the defaults
// A machine that is busy with something else must not make claims late.
const DEADLINE = 10_000; // ms

const alwaysFresh = { skew: 300, claim: () => 'fresh' };
const signer = newSigner();
let nonces = 0;

// What was prepared is moved out of the way of the collector: a server does not hold a thousand requests that nobody has
// looked at, and to copy them again and again would be counted as the cost of a claim.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** What is to come of it: at least this of the speed that the sum of both costs allows; at most this times the bare statement. */
export const TARGETS = { ratio: 0.9, latency: 1.1 };

/**
 * Measures one store.
 *
 * @param contender - one of CONTENDERS
 * @param options - `url` of its backend; `concurrency`; `rounds` that count, `turns` in a round, `batch` of claims in a turn,
 *   `single` of them at concurrency 1; `told`
 */
export async function throughput(contender, { url, concurrency, told, ...sizes }) {
  const opened = await contender.open(url, { start: 'fresh', deadline: DEADLINE });
  try {
    const [store] = opened.stores;
    await proveStore(store);
    const saturated = await saturation(opened, store, { concurrency, told, ...sizes });
    const single = await latency(opened, store, { told, ...sizes });
    return { what: contender.what, concurrency, ...saturated, ...single };
  } finally {
    await opened.close();
  }
}

async function saturation({ bare, bareKey }, store, options) {
  const { concurrency, rounds, turns, batch, told } = options;
  const inLanes = (work) => (items) => lanes(items, concurrency, work);
  const verifying = (nonces) => {
    const verifier = newVerifier({ nonces });
    return inLanes(async (view) => mustAccept(await verifier.verify(view)));
  };
  const many = (make) => () => {
    const items = Array.from({ length: batch }, make);
    for (let time = 0; time < 2; time++) collect({ type: 'minor' });
    return items;
  };
  const views = many(() => viewOf(signer));
  const kinds = [
    { name: 'bare', prepare: many(bareKey), run: inLanes(bare) },
    { name: 'verify', prepare: views, run: verifying(alwaysFresh) },
    {
      name: 'byHand',
      prepare: views,
      run: verifying({ skew: 300, claim: () => andFresh(bare(bareKey())) }),
    },
    { name: 'both', prepare: views, run: verifying(store) },
  ];
  const figures = await inTurns(kinds, {
    ...{ rounds, turns, operations: 1 },
    told: (...at) => told('throughput', ...at),
  });
  const each = Object.fromEntries(
    Object.entries(figures).map(([name, values]) => [name, values.map((ns) => ns / batch)]),
  );
  const sums = each.bare.map((ns, i) => ns + each.verify[i]);
  return {
    bare: median(each.bare),
    verify: median(each.verify),
    both: median(each.both),
    rate: 1e9 / median(each.both),
    ratio: ratioOf(sums, each.both),
    toByHand: ratioOf(each.byHand, each.both),
  };
}

async function latency({ bare, bareKey }, store, { rounds, turns, single, told }) {
  const kinds = [
    { name: 'bare', prepare: bareKey, run: bare },
    {
      name: 'claim',
      prepare: newNonce,
      async run(nonce) {
        mustBeFresh(await store.claim(CREDENTIAL, nonce, inSeconds(LIFE)));
      },
    },
  ];
  const options = { rounds, turns, operations: single, told: (...at) => told('latency', ...at) };
  const figures = await latencies(kinds, options);
  return {
    bareP50: median(figures.bare),
    claimP50: median(figures.claim),
    latency: ratioOf(figures.claim, figures.bare),
  };
}

/** So many at a time, each lane beginning the next when its last one has ended. */
async function lanes(items, concurrency, work) {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++]);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

/** That what is timed is a store that refuses replays. */
async function proveStore(store) {
  const nonce = newNonce();
  const claim = () => store.claim(CREDENTIAL, nonce, inSeconds(LIFE));
  mustBeFresh(await claim());
  const again = await claim();
  if (again !== 'replayed') throw new Error(`a replay is ${again}`);
}

const andFresh = (done) => (done instanceof Promise ? done.then(() => 'fresh') : 'fresh');
const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;
const newNonce = () =>
  `${process.pid}-${Date.now().toString(36)}-${`${nonces++}`.padStart(8, '0')}`;

function mustBeFresh(verdict) {
  if (verdict !== 'fresh') throw new Error(`a new nonce is ${verdict}`);
}
