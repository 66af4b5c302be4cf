// What signing and verifying cost, beside the floor and the peers.
import { CONTESTANTS, isAcceptance, proveHonest, versionOf } from './contestants.mjs';
import { floorOfSign, floorOfVerify } from './floor.mjs';
import { inTurns, median, ratioOf } from './rounds.mjs';

const FLOOR = 'floor';

/** @returns rows with nanoseconds and ratios, the fastest verifier first */
export async function compare(options) {
  for (const contestant of CONTESTANTS) await proveHonest(contestant);
  const signing = await inTurns(
    [
      { name: FLOOR, run: () => floorOfSign() },
      ...CONTESTANTS.map(({ name, sign }) => ({ name, run: sign })),
    ],
    options,
  );
  const verifying = await inTurns(
    [
      { name: FLOOR, run: () => floorOfVerify() },
      ...CONTESTANTS.filter(({ verifier }) => verifier !== undefined).map((contestant) => {
        return {
          name: contestant.name,
          prepare: contestant.make,
          run: contestant.verifier(),
          check(answer) {
            if (!isAcceptance(answer)) throw new Error(`${contestant.name}: refuses its own`);
          },
        };
      }),
    ],
    options,
  );
  return CONTESTANTS.map(({ name, package: module, covers, note, checksNonce }) => ({
    name,
    version: module === undefined ? 'this one' : versionOf(module),
    covers,
    note,
    checksNonce,
    sign: figure(signing, name),
    verify: verifying[name] === undefined ? undefined : figure(verifying, name),
  }));
}

/** Nanoseconds of one operation, and the ratio to the floor of the same rounds. */
export function figure(figures, name, floor = FLOOR) {
  const of = figures[name];
  return { ns: median(of), floorNs: median(figures[floor]), ratio: ratioOf(of, figures[floor]) };
}
