import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/**
 * Runs kinds of work in turns, so that what the machine does meanwhile reaches all of them alike.
 *
 * @param kinds - `{ name, prepare?, run, check?, operations? }`: `prepare` gives, untimed, what one operation needs, or a promise of it;
 *   `run` is the operation, and may answer with a promise; `check` throws if it is not the right answer
 * @param options - `rounds` that count, `turns` in a round, `operations` in a turn; `told` is called after each round
 * @returns nanoseconds of one operation by name, a list with one figure of each round
 */
export async function inTurns(kinds, { rounds, turns, operations, told = () => {} }) {
  const figures = Object.fromEntries(kinds.map(({ name }) => [name, []]));
  // The first two rounds warm up.
  for (let round = -2; round < rounds; round++) {
    const spent = Object.fromEntries(kinds.map(({ name }) => [name, 0n]));
    for (let turn = 0; turn < turns; turn++) {
      for (const { name, prepare, run, check, operations: length = operations } of kinds) {
        const inputs = prepare && (await Promise.all(Array.from({ length }, prepare)));
        collect({ type: 'minor' }); // or one kind pays for what was prepared for another
        spent[name] += await timed(run, check, inputs, length);
      }
    }
    if (round < 0) continue;
    for (const { name, operations: length = operations } of kinds) {
      figures[name].push(Number(spent[name]) / (turns * length));
    }
    told(round + 1, rounds);
  }
  return figures;
}

async function timed(run, check, inputs, operations) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < operations; i++) {
    const answer = run(inputs?.[i]);
    const value = answer instanceof Promise ? await answer : answer;
    check?.(value);
  }
  return process.hrtime.bigint() - start;
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Median, least and greatest ratio, each of two figures of one round. */
export function ratioOf(values, floors) {
  const ratios = values.map((value, i) => value / floors[i]);
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}
