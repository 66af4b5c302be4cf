import { type LimitRate, type RequestView, staticKeys } from '@countersign/server';
import { createPolicy } from '@countersign/server/policy';
import { type Limiter, type LimiterOptions, rateLimits } from '@countersign/server/rate-limits';
import { TEST_KEY_ENTRY, type WireReply } from '@countersign/testkit';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { describe, expect, it } from 'vitest';
import { type Rig, startRig } from './wire.js';

const keys = staticKeys([
  { ...TEST_KEY_ENTRY, group: 'partners' },
  { ...TEST_KEY_ENTRY, credential: 'second', group: 'partners' },
  { ...TEST_KEY_ENTRY, credential: 'third', group: 'others' },
  { ...TEST_KEY_ENTRY, credential: 'alone' },
]);
const limiter = (options: LimiterOptions): Limiter => new RateLimiterMemory(options);
const start = (limitRate: LimitRate, more: object = {}) => startRig({ keys, limitRate, ...more });
const ask = (rig: Rig, credential = 'orders-service', url = '/') =>
  rig.send(rig.view({ credential, url }));
const status = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status;
const inTurn = async (times: number, ...asked: Parameters<typeof ask>) => {
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push(await status(...asked));
  return all;
};

describe('rateLimits', () => {
  it('counts for each credential, and refuses what is too much with when to come again', async () => {
    const limits = [
      { requests: 2, seconds: 60 },
      { requests: 1000, seconds: 86_400 },
    ];
    const rig = await start(rateLimits({ limiter, limits }));
    expect(await inTurn(3, rig)).toEqual([200, 200, 429]);
    const reply: WireReply = await ask(rig);
    expect(JSON.parse(reply.body).code).toBe('rate_limited');
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(Number(reply.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(reply.headers.get('ratelimit')).toMatch(/^"credential-60s";r=0;t=(?:5[0-9]|60)$/);
    expect(reply.headers.get('ratelimit-policy')).toBe(
      '"credential-60s";q=2;w=60, "credential-86400s";q=1000;w=86400',
    );
    expect(await inTurn(3, rig, 'second')).toEqual([200, 200, 429]);
    expect(rig.accepted).toHaveLength(4);
  });

  it('counts for a group together, and for a key without one alone', async () => {
    const limits = [{ requests: 2, seconds: 60, per: 'group' as const }];
    const rig = await start(rateLimits({ limiter, limits }));
    expect(await status(rig, 'orders-service')).toBe(200);
    expect(await status(rig, 'second')).toBe(200);
    expect(await status(rig, 'orders-service')).toBe(429);
    expect(await inTurn(3, rig, 'third')).toEqual([200, 200, 429]);
    expect(await inTurn(3, rig, 'alone')).toEqual([200, 200, 429]);
  });

  it('begins again with the next window, of which only what was allowed is gone', async () => {
    const limits = [
      { requests: 3, seconds: 3600 },
      { requests: 1, seconds: 1 },
    ];
    const rig = await start(rateLimits({ limiter, limits }));
    expect(await inTurn(5, rig)).toEqual([200, 429, 429, 429, 429]);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await inTurn(2, rig)).toEqual([200, 429]);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await status(rig)).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const last = await ask(rig);
    expect(last.status).toBe(429);
    expect(last.headers.get('ratelimit')).toMatch(/^"credential-3600s";r=0;t=35[0-9]{2}$/);
  });

  it('counts in memory for as long as the longest window', async () => {
    const rig = await start(rateLimits({ limiter, limits: [{ requests: 1, seconds: 2_147_483 }] }));
    expect(await status(rig)).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await status(rig)).toBe(429);
  });

  it('counts nothing of what is not verified, or was seen before', async () => {
    const rig = await start(rateLimits({ limiter, limits: [{ requests: 2, seconds: 60 }] }));
    const view = rig.view();
    expect((await rig.send(view)).status).toBe(200);
    for (let i = 0; i < 3; i++) expect((await rig.send(view)).status).toBe(401);
    const forged: RequestView = { ...rig.view(), target: '/other' };
    expect((await rig.send(forged as never)).status).toBe(401);
    expect(await inTurn(2, rig)).toEqual([200, 429]);
  });

  it('keeps the limits of a policy besides, each by the place where it is said', async () => {
    const policy = createPolicy({
      rateLimits: [{ requests: 3, seconds: 60 }],
      routes: ['GET /a', 'GET /b', { path: '/c', methods: ['GET'], rateLimits: [] }],
      groups: {
        partners: {
          routes: [{ path: '/d', methods: ['GET'], rateLimits: [{ requests: 1, seconds: 60 }] }],
        },
      },
    });
    const limits = [{ requests: 12, seconds: 60 }];
    const rig = await start(rateLimits({ limiter, policy, limits }), { policy });
    expect(await inTurn(2, rig, 'second', '/a')).toEqual([200, 200]);
    expect(await inTurn(2, rig, 'second', '/b')).toEqual([200, 429]);
    expect(await inTurn(2, rig, 'second', '/d')).toEqual([200, 429]);
    expect(await inTurn(7, rig, 'second', '/c')).toEqual([200, 200, 200, 200, 200, 200, 429]);
  });

  it('refuses where another policy decided than its own', async () => {
    const definition = { rateLimits: [{ requests: 3, seconds: 60 }], routes: ['* /**'] };
    const limitRate = rateLimits({ limiter, policy: createPolicy(definition) });
    const rig = await start(limitRate, { policy: createPolicy(definition) });
    expect(await status(rig)).toBe(429);
  });

  it.each([
    [{}, /^limiter: /],
    [{ limiter: new RateLimiterMemory({ points: 1, duration: 1 }), limits: [] }, /^limiter: /],
    [{ limiter }, /^limits: /],
    [{ limiter, limits: [] }, /^limits: /],
    [{ limiter, limits: {} }, /^limits: /],
    [{ limiter, limits: [{ requests: 0, seconds: 1 }] }, /^limits\[0\]\.requests: /],
    [{ limiter, limits: [{ requests: 1, seconds: 2_147_484 }] }, /^limits\[0\]\.seconds: /],
    [{ limiter, limits: [{ requests: 1, seconds: 1, per: null }] }, /^limits\[0\]\.per: /],
    [{ limiter, limits: [{ requests: 1, seconds: 1 }], prefix: 'a b' }, /^prefix: /],
    [{ limiter, limits: [{ requests: 1, seconds: 1 }], policy: {} }, /^policy: /],
    [{ limiter, limits: [{ requests: 1, seconds: 1 }], policy: null }, /^policy: /],
    [{ limiter, limit: [] }, /^limit: unknown option/],
    [{ limiter: () => ({}), limits: [{ requests: 1, seconds: 1 }] }, /^limiter: /],
    [{ limiter: () => undefined, limits: [{ requests: 1, seconds: 1 }] }, /^limiter: /],
  ])('refuses the options %j', (options, message) => {
    expect(() => rateLimits(options as never)).toThrow(message);
  });

  it('refuses where a limiter answers anything but a state, or fails, or says nothing', async () => {
    const consumes: (() => unknown)[] = [
      ...[undefined, null, true, {}, { remainingPoints: 1 }, 'ok'].map(
        (answer) => async () => answer,
      ),
      () => Promise.reject(new Error('down')),
      () => Promise.reject(undefined),
      () => Promise.reject({ msBeforeNext: 'soon' }),
      () => new Promise(() => {}),
      () => {
        throw new Error('broken');
      },
    ];
    for (const consume of consumes) {
      const made = () => ({ consume }) as unknown as Limiter;
      const limitRate = rateLimits({ limiter: made, limits: [{ requests: 1, seconds: 1 }] });
      const rig = await start(limitRate, { storeTimeout: 100 });
      const reply = await ask(rig);
      expect(reply.status).toBe(429);
      expect(reply.headers.get('retry-after')).toBe('1');
      expect(rig.accepted).toHaveLength(0);
    }
  });
});
