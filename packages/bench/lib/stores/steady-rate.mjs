import { setTimeout as delay } from 'node:timers/promises';
import { Traffic } from './traffic.mjs';

const LANES = 64;
const AT_FULL_SPEED = 3_000; // ms
const TRIAL = 15_000;
/** Milliseconds between two looks at the clock. */
export const TICK = 5;
// Of what is done at full speed; each is tried if the one before it was too much. More than the first leaves no room for what
// else the machine does in ten minutes.
const SHARES = [0.5, 0.4, 0.3, 0.2, 0.1, 0.05];
// So long a backlog is none (s).
const MOST_BEHIND = 0.1;
const MOST_TIMES_BEHIND = 2;

/**
 * The highest rate at which claims, begun by the clock, do not pile up.
 *
 * @returns claims a second
 */
export async function steadyRate(stores, lives, told = () => {}) {
  const most = await atFullSpeed(stores, lives, told);
  for (const share of SHARES) {
    const rate = Math.max(1, Math.floor(most * share));
    told(`trying ${rate.toLocaleString('en')} a second`);
    if (await isSteady(stores, rate, lives)) return rate;
  }
  throw new Error('no rate is steady: the machine has too much else to do');
}

/** How many may be begun at a look at the clock: a process that was held up takes up what has gathered bit by bit, too. */
export const atOnce = (rate) => Math.ceil((2 * rate * TICK) / 1000);

async function atFullSpeed(stores, lives, told) {
  told('claiming at full speed');
  const traffic = new Traffic(stores, { rate: 50_000, ...lives });
  const start = performance.now();
  let [claims, breath] = [0, start];
  const lane = async () => {
    for (let now = start; now < start + AT_FULL_SPEED; now = performance.now()) {
      const answered = await traffic.beginAndWait();
      claims += answered;
      // A store that answers at once would let nobody else come to its turn.
      if (now < breath + TICK) continue;
      breath = now;
      await delay(0);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  mustBeRight(traffic);
  return (claims * 1000) / (performance.now() - start);
}

async function isSteady(stores, rate, lives) {
  const traffic = new Traffic(stores, { rate, ...lives });
  const start = performance.now();
  let [begun, behind] = [0, 0];
  for (let now = start; now < start + TRIAL; now = performance.now()) {
    const due = Math.floor(((now - start) * rate) / 1000);
    // A loop that comes too late is a backlog as well.
    if (due - begun > rate * MOST_BEHIND || traffic.pending > rate * MOST_BEHIND) behind++;
    // What would pile up is memory that the soak would begin with.
    if (behind > MOST_TIMES_BEHIND) break;
    const most = Math.min(due, begun + atOnce(rate));
    while (begun < most) begun += traffic.begin();
    await delay(TICK);
  }
  await traffic.over();
  mustBeRight(traffic);
  return behind <= MOST_TIMES_BEHIND && traffic.counts.unavailable === 0;
}

function mustBeRight({ contradictions, counts }) {
  if (contradictions > 0) throw new Error(`wrong verdicts: ${JSON.stringify(counts)}`);
}
