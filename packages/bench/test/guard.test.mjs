import { describe, expect, it } from 'vitest';
import { CONTESTANTS, proveHonest } from '../lib/contestants.mjs';
import { floorOfSign, floorOfVerify } from '../lib/floor.mjs';
import { mustAccept, ours } from '../lib/ours.mjs';
import { refusals } from '../lib/refusals.mjs';
import { inTurns } from '../lib/rounds.mjs';

// Ratios to the floor in one run, of the quickest round of each, or the medians: what a busy machine adds is left out.
const MOST = { sign: 1.6, verify: 2.4 };
const MOST_OF_REFUSALS = {
  'malformed Authorization': 0.5,
  'unknown key, each time another': 1.8,
  'bad signature': 1.8,
};

describe('what is measured', () => {
  it.each(CONTESTANTS)('$name accepts its own and refuses an altered body', (contestant) =>
    expect(proveHonest(contestant)).resolves.toBeUndefined(),
  );
});

describe('the cost, as a ratio to the floor, stays below its guard', () => {
  const options = { rounds: 400, turns: 1, operations: 100 };

  it('of signing', async () => {
    const kinds = [
      { name: 'floor', run: () => floorOfSign() },
      { name: 'ours', run: () => ours.sign() },
    ];
    const figures = await inTurns(kinds, options);
    const least = Math.min(...figures.ours) / Math.min(...figures.floor);
    console.log(`sign: ${least.toFixed(2)} of the floor`);
    expect(least).toBeLessThan(MOST.sign);
  });

  it('of verifying', async () => {
    const verify = ours.verifier();
    const kinds = [
      { name: 'floor', run: () => floorOfVerify() },
      {
        name: 'ours',
        prepare: () => ours.make(),
        run: verify,
        check: mustAccept,
      },
    ];
    const figures = await inTurns(kinds, options);
    const least = Math.min(...figures.ours) / Math.min(...figures.floor);
    console.log(`verify: ${least.toFixed(2)} of the floor`);
    expect(least).toBeLessThan(MOST.verify);
  });

  it('of refusing', async () => {
    const rows = await refusals({ rounds: 100, turns: 1, operations: 100 });
    for (const [name, most] of Object.entries(MOST_OF_REFUSALS)) {
      const { ns, floorNs } = rows.find((row) => row.name === name);
      console.log(`${name}: ${(ns / floorNs).toFixed(2)} of the floor`);
      expect(ns / floorNs).toBeLessThan(most);
    }
  });
});
