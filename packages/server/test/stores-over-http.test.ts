import { migrateKeys, postgresKeys } from '@countersign/server/keys/postgres';
import { redisKeys } from '@countersign/server/keys/redis';
import { redisNonceStore } from '@countersign/server/nonces/redis';
import { tieredNonceStore } from '@countersign/server/nonces/tiered';
import {
  type Fault,
  type FaultProxy,
  type Postgres,
  type Redis,
  type SimpleFault,
  startFaultProxy,
  startPostgres,
  startRedis,
} from '@countersign/test-servers';
import { type SignedRequestView, TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encryption } from './keys-database-rig.js';
import { timed } from './nonces-faults.js';
import * as postgres from './nonces-postgres-rig.js';
import { closeOpened, STANDALONE, through } from './nonces-redis-clients.js';
import { expectProblem, type Reply, type Rig, type RigOptions, startRig } from './wire.js';

// What a caller sees of a store that fails: the tests of each store see what the store says.

const DEADLINE = 150; // ms

let redis: Redis;
let database: Postgres;
beforeAll(async () => {
  [redis, database] = await Promise.all([startRedis(), startPostgres()]);
});
afterAll(() => Promise.all([redis.close(), database.close()]));

const proxies: FaultProxy[] = [];
afterEach(async () => {
  for (const proxy of proxies) await proxy.set('pass');
  await Promise.all([closeOpened(), postgres.closeOpened()]);
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

async function proxyOf(port: number): Promise<FaultProxy> {
  const proxy = await startFaultProxy(port);
  proxies.push(proxy);
  return proxy;
}

const garbage: Fault = { kind: 'alter', alter: () => Buffer.from('\x16\x03\x01 no reply\r\n') };
const FAULTS: readonly (readonly [name: string, fault: Fault | SimpleFault])[] = [
  ['refuse', 'refuse'],
  ['hang', 'hang'],
  ['reset before the reply', 'resetBefore'],
  ['apply but lose the reply', 'loseReply'],
  ['apply but drop the reply', 'dropReply'],
  ['slow', { kind: 'slow', milliseconds: 3 * DEADLINE }],
  ['garbage', garbage],
];

/** A store behind a proxy, as a verifier is given it. */
interface Behind {
  readonly proxy: FaultProxy;
  readonly rules: RigOptions;
}

const NEWEST = STANDALONE.filter(([name]) => name.endsWith('6'));

async function postgresBehind() {
  const proxy = await proxyOf(database.port);
  const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
  return { proxy, pool: postgres.poolOf(url, { connectionTimeoutMillis: 2 * DEADLINE }) };
}

const NONCES: readonly (readonly [name: string, open: () => Promise<Behind>])[] = [
  ...NEWEST.map(
    ([name, open]) =>
      [
        name,
        async () => {
          const proxy = await proxyOf(redis.port);
          const { client } = await open(through(proxy));
          const nonces = redisNonceStore({ client, start: 'fresh', deadline: DEADLINE });
          return { proxy, rules: { nonces } };
        },
      ] as const,
  ),
  [
    'PostgreSQL',
    async () => {
      const { proxy, pool } = await postgresBehind();
      const { store: nonces } = await postgres.storeOn(pool, { deadline: DEADLINE });
      return { proxy, rules: { nonces } };
    },
  ],
];

let places = 0;
const KEYS: readonly (readonly [name: string, open: () => Promise<Behind>])[] = [
  ...NEWEST.map(
    ([name, open]) =>
      [
        name,
        async () => {
          const proxy = await proxyOf(redis.port);
          const { client } = await open(through(proxy));
          const keys = redisKeys({ client, encryption, deadline: DEADLINE });
          await keys.change(TEST_KEY_ENTRY.credential, () => TEST_KEY_ENTRY);
          return { proxy, rules: { keys } };
        },
      ] as const,
  ),
  [
    'PostgreSQL',
    async () => {
      const { proxy, pool } = await postgresBehind();
      const table = `keys_over_http_${places++}`;
      await migrateKeys(pool, { table });
      const keys = postgresKeys({ pool, encryption, table, deadline: DEADLINE });
      await keys.change(TEST_KEY_ENTRY.credential, () => TEST_KEY_ENTRY);
      return { proxy, rules: { keys } };
    },
  ],
];

/** A service, and the nonces of the requests that its handler was run for. */
async function serve(rules: RigOptions) {
  const handled: string[] = [];
  const rig = await startRig({
    ...rules,
    handler: (request, response) => {
      handled.push(String(request.headers['x-nonce']));
      response.end();
    },
  });
  return { rig, handled };
}

const newRequest = (rig: Rig, credential?: string) =>
  rig.view({ method: 'POST', body: '{"qty":2}', ...(credential && { credential }) });

/** Sends new ones until one is accepted, and gives that one. */
async function untilAccepted(rig: Rig): Promise<SignedRequestView> {
  const end = performance.now() + 10_000;
  for (;;) {
    const request = newRequest(rig);
    if ((await rig.send(request)).status === 200) return request;
    if (performance.now() > end) throw new Error('nothing is accepted for 10 s');
  }
}

/** Sends a request until its answer is no 503. */
async function decided(rig: Rig, request: SignedRequestView): Promise<Reply> {
  const end = performance.now() + 10_000;
  for (;;) {
    const reply = await rig.send(request);
    if (reply.status !== 503) return reply;
    if (performance.now() > end) throw new Error('unavailable for 10 s');
  }
}

const untilWell = (rig: Rig, ok: boolean) =>
  expect.poll(async () => (await rig.verifier.health()).ok, { timeout: 5_000 }).toBe(ok);

describe.each(NONCES)('nonces in %s', (_, open) => {
  it.each(FAULTS)(
    '%s: 503 in time, the handler is not run, and no replay ever',
    async (_, fault) => {
      const { proxy, rules } = await open();
      const { rig, handled } = await serve(rules);
      const used = await untilAccepted(rig);
      await untilWell(rig, true);
      const before = handled.length;
      await proxy.set(fault);
      const begun = [newRequest(rig), newRequest(rig)];
      const sent = [used, ...begun, used].map((request) =>
        timed(DEADLINE, () => rig.send(request)),
      );
      for (const { result, late } of await Promise.all(sent)) {
        expectProblem(result, 'nonce_store_unavailable');
        expect(late).toBeLessThan(100);
      }
      expect(handled).toHaveLength(before);
      await untilWell(rig, false);
      await proxy.set('pass');
      await untilAccepted(rig);
      expectProblem(await decided(rig, used), 'nonce_replayed');
      for (const request of begun) {
        // Whether it was claimed before its answer was lost nobody was told; it is accepted once at most.
        expect((await decided(rig, request)).status).toBeOneOf([200, 401]);
        expectProblem(await decided(rig, request), 'nonce_replayed');
      }
      expect(new Set(handled).size).toBe(handled.length);
      await untilWell(rig, true);
    },
  );
});

it('tiered: a replay that was seen here is refused though the shared store is away', async () => {
  const [, open] = NONCES[0] as (typeof NONCES)[number];
  const { proxy, rules } = await open();
  const { nonces } = rules as Required<Pick<RigOptions, 'nonces'>>;
  const { rig, handled } = await serve({ nonces: tieredNonceStore({ shared: nonces }) });
  const used = await untilAccepted(rig);
  await proxy.set('hang');
  const sent = proxy.sent;
  expectProblem(await rig.send(used), 'nonce_replayed');
  expect(proxy.sent).toBe(sent);
  expectProblem(await rig.send(newRequest(rig)), 'nonce_store_unavailable');
  expect(handled).toHaveLength(1);
});

describe.each(KEYS)('keys in %s', (_, open) => {
  it.each(FAULTS)('%s: 503 in time for everybody, and the handler is not run', async (_, fault) => {
    const { proxy, rules } = await open();
    const { rig, handled } = await serve(rules);
    const used = await untilAccepted(rig);
    await untilWell(rig, true);
    const before = handled.length;
    await proxy.set(fault);
    const requests = [used, newRequest(rig), newRequest(rig, 'nobody')];
    const sent = requests.map((request) => timed(DEADLINE, () => rig.send(request)));
    for (const { result, late } of await Promise.all(sent)) {
      expectProblem(result, 'key_store_unavailable');
      expect(late).toBeLessThan(100);
    }
    expect(handled).toHaveLength(before);
    await untilWell(rig, false);
    await proxy.set('pass');
    await untilAccepted(rig);
    expectProblem(await decided(rig, used), 'nonce_replayed');
    expect((await decided(rig, newRequest(rig, 'nobody'))).status).toBe(401);
    expect(new Set(handled).size).toBe(handled.length);
    await untilWell(rig, true);
  });
});
