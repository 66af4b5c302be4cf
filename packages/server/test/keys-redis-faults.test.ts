import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '@countersign/server/keys/redis';
import {
  type Fault,
  type FaultProxy,
  type Redis,
  type SimpleFault,
  startFaultProxy,
  startRedis,
} from '@countersign/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  encryption,
  findTimed,
  hasSecret,
  keyOf,
  rejection,
  secretOf,
} from './keys-database-rig.js';
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
  await redis.command('FLUSHALL');
});
afterEach(async () => {
  await closeOpened();
  await proxy.close();
});

const respond = (text: string): Fault => ({
  kind: 'respond',
  respond: (request) => {
    const commands = request
      .toString('latin1')
      .match(/\*\d+\r\n\$\d+\r\n(eval|eval_ro|hscan)\r\n/g);
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
  ['answered, and the reply lost with the connection', 'loseReply'],
  ['answered, and the reply lost', 'dropReply'],
  ['slow', { kind: 'slow', milliseconds: 3 * DEADLINE }],
  ['bytes that are no reply', alter('\x16\x03\x01\x02garbage\r\n')],
  ['a page of a web server', alter('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
  ['half a reply', alter('$40\r\nabc')],
  ['nothing for a reply', respond('$-1\r\n')],
  ['an empty list for a reply', respond('*0\r\n')],
  ['nothing about another key', respond('*2\r\n$5\r\nother\r\n$-1\r\n')],
  ['a number for a reply', respond(':1\r\n')],
  ['a status for a reply', respond('+OK\r\n')],
  ['LOADING', respond('-LOADING Redis is loading the dataset in memory\r\n')],
  ['MASTERDOWN', respond('-MASTERDOWN Link with MASTER is down\r\n')],
  ['READONLY', respond("-READONLY You can't write against a read only replica.\r\n")],
];

describe.each(STANDALONE)('%s', (library, open) => {
  async function storeOf(changeDeadline = 5_000) {
    const { client } = await open(through(proxy));
    return redisKeys({ client, encryption, deadline: DEADLINE, changeDeadline });
  }
  type Store = Awaited<ReturnType<typeof storeOf>>;

  async function untilFound(store: Store, credential = 'a') {
    const found = async () => (await store.find(credential).catch(() => undefined)) !== undefined;
    await expect.poll(found, { interval: 5, timeout: 10_000 }).toBe(true);
  }

  it.each(FAULTS)('%s: rejects in time, then as before', async (_name, fault) => {
    const store = await storeOf(DEADLINE);
    const patient = redisKeys({ client: (await open(redis.url)).client, encryption });
    await patient.change('a', () => keyOf('a', 7));
    await untilFound(store);
    await proxy.set(fault);
    // Neither "unknown" of the one nor of the other, be it unknown indeed.
    for (let i = 0; i < 2; i++) {
      const finds = ['a', 'nobody', 'a'].map((name) => findTimed(store, name, DEADLINE));
      for (const { outcome, late } of await Promise.all(finds)) {
        expect(outcome).toBe('rejected');
        expect(late).toBeLessThan(100);
      }
    }
    const others: Promise<unknown>[] = [
      store.health(),
      store.list(),
      store.noteUses(new Map([['a', 1]])),
    ];
    others.push(store.change('a', () => keyOf('a')));
    const outcomes = await Promise.all(others.map(rejection));
    expect(outcomes).not.toContain('it was not rejected');
    await proxy.set('pass');
    await untilFound(store);
    expect(await store.find('nobody')).toBeUndefined();
    await store.health();
    expect(await store.list()).toMatchObject([{ credential: 'a' }]);
    expect(hasSecret(await store.find('a'), 7)).toBe(true);
    await store.change('a', () => keyOf('a', 8));
    expect(hasSecret(await store.find('a'), 8)).toBe(true);
  });

  it('is asked no more while it is silent, and nothing is queued while it is away', async () => {
    const store = await storeOf();
    await store.change('a', () => keyOf('a'));
    for (const kind of ['refuse', 'hang'] as const) {
      await proxy.set(kind);
      const finds = (n: number) =>
        Promise.all(Array.from({ length: n }, () => store.find('a').catch(() => 'rejected')));
      // These are on their way before anybody knows.
      await finds(100);
      const before = proxy.sent;
      for (let i = 0; i < 5; i++) expect(new Set(await finds(100))).toEqual(new Set(['rejected']));
      // About 180 bytes each, if they were sent; a connection that is made anew asks its own.
      expect(proxy.sent - before).toBeLessThan(2_000);
      await proxy.set('pass');
      await untilFound(store);
    }
  });

  it('a connection that stays silent is made anew', async () => {
    const store = await storeOf();
    await store.change('a', () => keyOf('a'));
    // The replies to scripts are lost; those to a client that connects are not.
    const alter = (reply: Buffer) => (reply.includes('*2\r\n$') ? Buffer.alloc(0) : reply);
    await proxy.set({ kind: 'alter', alter });
    const { connections } = proxy;
    const silent = async () => {
      expect(await rejection(store.find('a'))).toMatch(/^(no answer|the client is not)/);
      return proxy.connections;
    };
    await expect.poll(silent, { interval: 1, timeout: 5_000 }).toBeGreaterThan(connections);
    await proxy.set('pass');
    await untilFound(store);
  });

  it('a change whose reply was lost is made once, though its command be sent again', async () => {
    const store = await storeOf(1_000);
    await store.change('a', () => keyOf('a'));
    for (let i = 0; i < 5; i++) {
      await untilFound(store);
      let called = 0;
      const changed = store.change('a', (key) => {
        // From now on, replies are lost: that to what puts it in place.
        if (called++ === 0)
          proxy
            .set('loseReply')
            .then(() => delay(20))
            .then(() => proxy.set('pass'));
        return {
          credential: 'a',
          secrets: [...(key?.secrets ?? []), { secret: secretOf(i) }],
        };
      });
      const outcome = await rejection(changed);
      await untilFound(store);
      const { length } = (await store.find('a'))?.secrets ?? [];
      expect(length).toBe(i + 2);
      // One library sends it again, the other tells that it may have been made, unless the reply came in time.
      if (library.startsWith('ioredis')) expect(outcome).toBe('it was not rejected');
    }
  });

  it('replies that have got out of step are given to nobody', async () => {
    const store = await storeOf();
    for (const [i, name] of ['a', 'b', 'c'].entries())
      await store.change(name, () => keyOf(name, i));
    for (let lost = 0; lost < 3; lost++) {
      let once = true;
      const alter = (reply: Buffer) => {
        const empty = once && reply.includes('\r\n');
        if (empty) once = false;
        return empty ? Buffer.alloc(0) : reply;
      };
      await proxy.set({ kind: 'alter', alter });
      for (let i = 0; i < 10; i++) {
        const names = ['a', 'nobody', 'b', 'c', 'nobody'];
        const found = await Promise.allSettled(names.map((name) => store.find(name)));
        for (const [at, outcome] of found.entries()) {
          if (outcome.status === 'rejected') continue;
          const name = names[at] === 'nobody' ? undefined : names[at];
          expect(outcome.value?.credential).toBe(name);
        }
      }
      await untilFound(store);
    }
  });
});
