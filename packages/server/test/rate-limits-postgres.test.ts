import { staticKeys } from '@countersign/server';
import { type LimiterOptions, rateLimits } from '@countersign/server/rate-limits';
import { type Postgres, startFaultProxy, startPostgres } from '@countersign/test-servers';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import type { PoolConfig } from 'pg';
import { RateLimiterPostgres } from 'rate-limiter-flexible';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { closeOpened, poolOf } from './nonces-postgres-rig.js';
import { expectProblem, type Rig, startRig } from './wire.js';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await closeOpened();
  await server.close();
});

const keys = staticKeys([{ ...TEST_KEY_ENTRY, group: 'partners' }]);
const codes = (rig: Rig, times: number) =>
  Promise.all(Array.from({ length: times }, async () => (await rig.send(rig.view())).status));

/** Makes limiters on one table; the library makes that, and says when it is there. */
function limitersOn(url: string, tableName: string, config?: PoolConfig) {
  const pool = poolOf(url, config);
  const ready: Promise<void>[] = [];
  const limiter = (options: LimiterOptions) => {
    const { promise, resolve, reject } = deferred();
    ready.push(promise);
    const done = (error?: Error) => (error === undefined ? resolve() : reject(error));
    return new RateLimiterPostgres(
      { storeClient: pool, storeType: 'pool', tableName, ...options },
      done,
    );
  };
  return { limiter, ready: () => Promise.all(ready) };
}

function deferred() {
  let resolve = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}

it('rate limits on PostgreSQL are shared by servers, in a race too', async () => {
  const limits = [
    { requests: 5, seconds: 60 },
    { requests: 8, seconds: 3_600, per: 'group' as const },
  ];
  const rigs: Rig[] = [];
  for (let i = 0; i < 2; i++) {
    const { limiter, ready } = limitersOn(server.url, 'shared');
    const limitRate = rateLimits({ limiter, limits });
    await ready();
    rigs.push(await startRig({ keys, limitRate }));
  }
  const all = (await Promise.all(rigs.map((rig) => codes(rig, 10)))).flat();
  expect(all.filter((status) => status === 200)).toHaveLength(5);
  expect(all.filter((status) => status === 429)).toHaveLength(15);
  const [rig] = rigs as [Rig];
  const reply = await rig.send(rig.view());
  expectProblem(reply, 'rate_limited');
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(30);
  expect(reply.headers.get('ratelimit')).toMatch(/^"credential-60s";r=0;t=[0-9]+$/);
});

it('refuse while PostgreSQL does not answer or is gone, and count again once it is back', async () => {
  const proxy = await startFaultProxy(server.port);
  onTestFinished(() => proxy.close());
  const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
  const { limiter, ready } = limitersOn(url, 'proxied', { connectionTimeoutMillis: 250 });
  // What hangs may be counted once it moves on.
  const limitRate = rateLimits({ limiter, limits: [{ requests: 1_000, seconds: 60 }] });
  await ready();
  const rig = await startRig({ keys, limitRate, storeTimeout: 300 });
  await expect.poll(() => codes(rig, 1)).toEqual([200]);
  for (const fault of ['hang', 'refuse', 'loseReply'] as const) {
    const before = rig.accepted.length;
    await proxy.set(fault);
    const start = performance.now();
    expect(await codes(rig, 3)).toEqual([429, 429, 429]);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(rig.accepted).toHaveLength(before);
    await proxy.set('pass');
    await expect.poll(() => codes(rig, 1), { timeout: 10_000 }).toEqual([200]);
  }
});
