import { setTimeout as delay } from 'node:timers/promises';
import { redisNonceStore } from '@countersign/server/nonces/redis';
import {
  type Fault,
  type FaultProxy,
  type Redis,
  type SimpleFault,
  startFaultProxy,
  startRedis,
} from '@countersign/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { claimTimed, decided, newNonce, second, untilFresh } from './nonces-faults.js';
import { closeOpened, STANDALONE, through } from './nonces-redis-clients.js';

const DEADLINE = 100; // ms

let redis: Redis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startFaultProxy(redis.port);
});
afterEach(async () => {
  await closeOpened();
  await proxy.close();
});

const respond = (text: string): Fault => ({
  kind: 'respond',
  // One reply for each command; the client of a new connection is answered by the server.
  respond: (request) => {
    const commands = request
      .toString('latin1')
      .match(/\*\d+\r\n\$\d+\r\n(SET|set|GET|INFO|ECHO)\r\n/g);
    return commands === null ? undefined : Buffer.from(text.repeat(commands.length), 'latin1');
  },
});
const alter = (text: string): Fault => ({
  kind: 'alter',
  alter: () => Buffer.from(text, 'latin1'),
});

const FAULTS: readonly (readonly [name: string, fault: Fault | SimpleFault])[] = [
  ['refused', 'refuse'],
  ['hanging', 'hang'],
  ['reset before the server sees it', 'resetBefore'],
  ['applied, and the reply lost with the connection', 'loseReply'],
  ['applied, and the reply lost', 'dropReply'],
  ['slow', { kind: 'slow', milliseconds: 3 * DEADLINE }],
  ['bytes that are no reply', alter('\x16\x03\x01\x02garbage\r\n')],
  ['a page of a web server', alter('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
  ['half a reply', alter('$40\r\nabc')],
  ['a number for a reply', respond(':1\r\n')],
  ['another status for a reply', respond('+QUEUED\r\n')],
  ['an empty text for a reply', respond('$0\r\n\r\n')],
  ['a list for a reply', respond('*1\r\n$2\r\nOK\r\n')],
  ['LOADING', respond('-LOADING Redis is loading the dataset in memory\r\n')],
  ['MASTERDOWN', respond('-MASTERDOWN Link with MASTER is down\r\n')],
  ['TRYAGAIN', respond('-TRYAGAIN Multiple keys request during rehashing of slot\r\n')],
];

describe.each(STANDALONE)('%s', (_, open) => {
  async function storeOf() {
    const { client } = await open(through(proxy));
    return redisNonceStore({ client, deadline: DEADLINE, start: 'fresh' });
  }

  it.each(FAULTS)('%s: unavailable in time, then as before', async (_name, fault) => {
    const store = await storeOf();
    const used = await untilFresh(store);
    await proxy.set(fault);
    const begun = [newNonce(), newNonce()];
    for (const nonce of [used, ...begun]) {
      const { verdict, late } = await claimTimed(store, nonce, DEADLINE);
      expect(verdict).toBe('unavailable');
      expect(late).toBeLessThan(100);
    }
    await expect(store.health()).rejects.toThrow();
    await proxy.set('pass');
    // From the first moment on, and not only when all is well again.
    const recovered = untilFresh(store);
    while (!(await Promise.race([recovered, delay(2)]))) {
      expect(await store.claim('a', used, second(300))).not.toBe('fresh');
    }
    expect(await decided(store, used)).toBe('replayed');
    // What the server was asked, it may have done: then it is no longer fresh, and otherwise it is, once.
    for (const nonce of begun) {
      await store.claim('a', nonce, second(300));
      expect(await decided(store, nonce)).toBe('replayed');
    }
    await store.health();
  });

  it('what was applied before its reply was lost is not fresh when it is sent again', async () => {
    const store = await storeOf();
    const nonces = Array.from({ length: 20 }, newNonce);
    for (const kind of ['loseReply', 'dropReply'] as const) {
      await untilFresh(store);
      await proxy.set(kind);
      expect(await store.claim('a', nonces[0] as string, second(300))).toBe('unavailable');
      await proxy.set('pass');
      await untilFresh(store);
      expect(await decided(store, nonces.shift() as string)).toBe('replayed');
    }
  });

  it('what is sent again on the next connection says nothing, if the data was lost', async () => {
    const { client } = await open(through(proxy));
    const store = redisNonceStore({ client, deadline: 2_000, start: 'fresh' });
    const used = await untilFresh(store);
    await proxy.set('resetBefore');
    const replay = store.claim('a', used, second(300));
    await redis.command('FLUSHALL');
    await expect.poll(() => proxy.sent).toBeGreaterThan(0);
    await proxy.set('pass');
    expect(await replay).toBe('unavailable');
  });

  it('replies that have got out of step are given to no claim', async () => {
    const { client } = await open(through(proxy));
    const store = redisNonceStore({ client, deadline: DEADLINE, start: 'fresh' });
    const used = await untilFresh(store);
    // Others use the client, too.
    const busy = setInterval(() => {
      (client as { ping(): Promise<unknown> }).ping().catch(() => {});
    }, 3);
    try {
      // Each of these loses a reply, and the next one is to the command before it.
      for (let lost = 0; lost < 3; lost++) {
        let once = true;
        const alter = (reply: Buffer) => {
          const empty = once && reply.includes('+OK\r\n');
          if (empty) once = false;
          return empty ? Buffer.alloc(0) : reply;
        };
        await proxy.set({ kind: 'alter', alter });
        await store.claim('a', newNonce(), second(300));
        for (let i = 0; i < 20; i++) {
          const claims = [newNonce(), used, newNonce(), used, newNonce()];
          const verdicts = claims.map((nonce) => store.claim('a', nonce, second(300)));
          expect(await verdicts[1]).not.toBe('fresh');
          expect(await verdicts[3]).not.toBe('fresh');
          await delay(2);
        }
      }
      await untilFresh(store);
    } finally {
      clearInterval(busy);
    }
  });

  it.each(['refuse', 'hang'] as const)('%s: no burst when it is over', async (kind) => {
    const store = await storeOf();
    await untilFresh(store);
    await proxy.set(kind);
    const claims = (n: number) =>
      Promise.all(Array.from({ length: n }, () => store.claim('a', newNonce(), second(300))));
    // These are on their way before anybody knows.
    await claims(100);
    const before = proxy.sent;
    for (let i = 0; i < 5; i++) {
      expect(new Set(await claims(100))).toEqual(new Set(['unavailable']));
    }
    const size = Number(await redis.command('DBSIZE'));
    expect(proxy.sent - before).toBeLessThan(500);
    await proxy.set('pass');
    await untilFresh(store);
    expect(Number(await redis.command('DBSIZE')) - size).toBeLessThan(150);
  });

  it('a connection that is cut again and again never makes a nonce fresh twice', async () => {
    const store = await storeOf();
    let fresh = 0;
    for (let round = 0; round < 20; round++) {
      const nonce = newNonce();
      const copies = Array.from({ length: 30 }, () => store.claim('a', nonce, second(300)));
      if (round % 2 === 0) setImmediate(() => proxy.sever());
      copies.push(...Array.from({ length: 30 }, () => store.claim('a', nonce, second(300))));
      await untilFresh(store);
      copies.push(store.claim('a', nonce, second(300)));
      const verdicts = await Promise.all(copies);
      const count = verdicts.filter((verdict) => verdict === 'fresh').length;
      expect(count).toBeLessThan(2);
      fresh += count;
    }
    expect(fresh).toBeGreaterThan(5);
  });
});
