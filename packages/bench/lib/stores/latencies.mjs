import { median } from '../rounds.mjs';

/**
 * How long single operations take, one after the other: kinds of work in short turns, each round beginning with another one,
 * so that what the machine does meanwhile reaches all of them alike.
 *
 * @param kinds - `{ name, prepare, run }`: `prepare` gives, untimed, what one operation needs; `run` is async
 * @param options - `rounds` that count, `turns` in a round, `operations` in a turn; `told` is called after each round
 * @returns the median in nanoseconds by name, a list with one figure of each round
 */
export async function latencies(kinds, { rounds, turns, operations, told = () => {} }) {
  const figures = Object.fromEntries(kinds.map(({ name }) => [name, []]));
  // The first two rounds warm up.
  for (let round = -2; round < rounds; round++) {
    const spent = Object.fromEntries(kinds.map(({ name }) => [name, []]));
    for (let turn = 0; turn < turns; turn++) {
      for (let place = 0; place < kinds.length; place++) {
        const { name, prepare, run } = kinds[(place + turn) % kinds.length];
        await timed(spent[name], Array.from({ length: operations }, prepare), run);
      }
    }
    if (round < 0) continue;
    for (const { name } of kinds) figures[name].push(median(spent[name]) * 1e6);
    told(round + 1, rounds);
  }
  return figures;
}

/** Adds the milliseconds of each. */
async function timed(spent, inputs, run) {
  for (const input of inputs) {
    const start = performance.now();
    await run(input);
    spent.push(performance.now() - start);
  }
}
