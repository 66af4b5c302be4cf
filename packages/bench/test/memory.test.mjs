import { expect, it } from 'vitest';
import { MEMORY_SIZES, MEMORY_TARGETS, memorySize } from '../lib/stores/memory-size.mjs';

// A machine that runs tests is busy: of times, only what is no longer of the same kind is found here.
const BUSY = { claim: 10, pause: 200 };

it.each(MEMORY_SIZES)(
  'five million nonces take few bytes each, and hold nobody up: $name',
  async ({ credentials }) => {
    const live = 5_000_000;
    const options = { live, perSecond: 100_000, credentials, seconds: 5 };
    const { size, bytes, claim, growing, expiring } = await memorySize(options);
    expect(size).toBe(live);
    // A table that is twice as large as it has to be would still be within the target.
    expect(bytes).toBeLessThan(0.75 * MEMORY_TARGETS.bytes);
    expect(bytes).toBeGreaterThan(12);
    expect(claim).toBeLessThan(BUSY.claim);
    expect(growing).toBeLessThan(BUSY.pause);
    expect(expiring).toBeLessThan(BUSY.pause);
  },
  120_000,
);
