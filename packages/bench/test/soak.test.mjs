import { memoryNonceStore } from '@countersign/server';
import { startPostgres, startRedis } from '@countersign/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTENDERS, reasonAgainst } from '../lib/stores/contenders.mjs';
import { slopeOf } from '../lib/stores/slope.mjs';
import { SOAK_OPTIONS, soak } from '../lib/stores/soak.mjs';

// Longer than a nonce lives, so that what was purged is replayed, too.
const LONG = { minutes: 7 / 60, rate: 300 };
const SHORT = { minutes: 0.5 / 60, rate: 2_000 };

let servers;
let soaking;
beforeAll(async () => {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  servers = { redis, postgres };
  // All at once: they wait for one another no more than for servers.
  soaking = new Map(Object.entries(CONTENDERS).map(([name, each]) => [name, soaked(each)]));
  for (const result of soaking.values()) result.catch(() => {}); // its test tells
});
afterAll(async () => {
  await Promise.allSettled(soaking.values());
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

async function soaked(contender) {
  const reason = await reasonAgainst(contender);
  if (reason !== undefined) return { reason };
  const { stores, close } = await contender.open(servers[contender.backend]?.url, SOAK_OPTIONS);
  try {
    return await soak(stores, LONG);
  } finally {
    await close();
  }
}

describe('a short soak finds nothing wrong with', () => {
  it.each(Object.keys(CONTENDERS))('%s', async (name) => {
    const { reason, wrong, fresh, replayed, expired } = await soaking.get(name);
    if (reason !== undefined) {
      expect([name, reason]).toEqual(['sqlite', expect.stringMatching(/ is not there/)]);
      return;
    }
    expect(wrong).toBe(0);
    expect(fresh).toBeGreaterThan(500);
    expect(replayed).toBeGreaterThan(100);
    expect(expired).toBeGreaterThan(5);
  });
});

describe('a soak counts', () => {
  const memory = () => memoryNonceStore({ skew: 2, start: 'fresh' });
  const counts = (claim) => soak([{ skew: 2, claim }], SHORT);

  it('a store that forgets', async () => {
    const { wrong, freshReplays, replayedNew, unavailable } = await counts(() => 'fresh');
    expect(freshReplays).toBeGreaterThan(50);
    expect(wrong).toBe(freshReplays);
    expect([replayedNew, unavailable]).toEqual([0, 0]);
  });

  it('a store that forgets one replay of a hundred', async () => {
    const store = memory();
    let replays = 0;
    const { wrong, freshReplays } = await counts((...args) => {
      const verdict = store.claim(...args);
      return verdict === 'replayed' && ++replays % 100 === 0 ? 'fresh' : verdict;
    });
    expect(freshReplays).toBe(Math.floor(replays / 100));
    expect(wrong).toBe(freshReplays);
    expect(wrong).toBeGreaterThan(0);
  });

  it('a store that takes what is new for a replay', async () => {
    const { wrong, replayedNew, claims } = await counts(() => 'replayed');
    expect(replayedNew).toBeGreaterThan(claims / 2);
    expect(wrong).toBe(replayedNew);
  });

  it.each([
    ['is away', () => Promise.reject(new Error('away'))],
    ['is full', () => 'full'],
    ['answers something else', () => undefined],
  ])('a store that %s', async (_, claim) => {
    const { wrong, claims } = await counts(claim);
    expect(wrong).toBe(claims);
  });

  it('two stores that share nothing', async () => {
    const { freshReplays } = await soak([memory(), memory()], SHORT);
    expect(freshReplays).toBeGreaterThan(50);
  });
});

it('the slope of memory is that of the line through it', () => {
  const samples = [0, 1, 2, 3].map((minute) => ({ minute, kilobytes: 100 + 7 * minute }));
  expect(slopeOf(samples)).toBeCloseTo(7);
  samples[1].kilobytes += 4;
  samples[2].kilobytes += 4;
  expect(slopeOf(samples)).toBeCloseTo(7);
});
