import { redisKeys } from '@countersign/server/keys/redis';
import { type Redis, startRedis } from '@countersign/test-servers';
import { Redis as Ioredis } from 'ioredis';
import { createClient, createClientPool } from 'redis';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { encryption, hasSecret, keyOf, rejection } from './keys-database-rig.js';

let redis: Redis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

const client = createClient();

function thrown(options: object): string {
  try {
    redisKeys(options as never);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}

it.each<[string, readonly unknown[]]>([
  ['client', [undefined, null, {}, 'redis://localhost', createClient, createClientPool()]],
  ['encryption', [undefined, null, {}, 'ckek_AAAA', { seal: () => '' }, { open: () => '' }]],
  ['prefix', ['', ' ', 'a b', 'é', 'a\n', 'a{b', '{a}', 'x'.repeat(65), 1, null, false]],
  ['deadline', [0, -1, 0.5, 10_001, Number.NaN, Infinity, '250', null]],
  ['changeDeadline', [0, -1, 0.5, 60_001, Number.NaN, Infinity, '250', null]],
  ['prefx', ['a']],
])('a bad option is refused by name: %s', (option, values) => {
  for (const value of values) {
    const message = thrown({ client, encryption, [option]: value });
    expect([value, message.slice(0, option.length + 2)]).toEqual([value, `${option}: `]);
  }
});

it('rejects everything while the client is not connected', async () => {
  const store = redisKeys({ client, encryption });
  const away = /^the client is not connected/;
  expect(await rejection(store.find('a'))).toMatch(away);
  expect(await rejection(store.health())).toMatch(away);
  expect(await rejection(store.list())).toMatch(away);
  expect(await rejection(store.change('a', () => keyOf('a')))).toMatch(away);
  expect(await rejection(store.noteUses(new Map([['a', 1]])))).toMatch(away);
});

it('a user who only verifies needs no right to write keys', async () => {
  const writing = await createClient({ url: redis.url }).connect();
  onTestFinished(() => writing.destroy());
  await redisKeys({ client: writing, encryption }).change('a', () => keyOf('a', 7));
  // As the documentation has it.
  const rights =
    '(+eval_ro +hget %R~countersign:{keys}) (+eval +hget +hset ~countersign:{keys}:used)';
  const selectors = rights.match(/\([^)]+\)/g) ?? [];
  await redis.command(
    'ACL',
    'SETUSER',
    'verifier',
    'on',
    '>word',
    '+ping',
    '+client',
    '+info',
    ...selectors,
  );
  const verifying = new Ioredis(redis.port, { username: 'verifier', password: 'word' });
  onTestFinished(() => verifying.disconnect());
  const store = redisKeys({ client: verifying, encryption });
  await expect
    .poll(() =>
      store.health().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  expect(hasSecret(await store.find('a'), 7)).toBe(true);
  expect(await store.find('b')).toBeUndefined();
  await store.noteUses(new Map([['a', 60_000]]));
  expect(await rejection(store.change('a', () => undefined))).toMatch(/NOPERM/);
  expect(await rejection(store.list())).toMatch(/NOPERM/);
  expect(await redisKeys({ client: writing, encryption }).list()).toMatchObject([
    { lastUsed: 60_000 },
  ]);
});

it('two prefixes share nothing, and one of ioredis is put in front', async () => {
  const prefixed = new Ioredis(redis.port, { keyPrefix: 'mine:' });
  onTestFinished(() => prefixed.disconnect());
  const one = redisKeys({ client: prefixed, encryption, prefix: 'p:' });
  await expect
    .poll(() =>
      one.health().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  await one.change('a', () => keyOf('a', 3));
  await one.noteUses(new Map([['a', 60_000]]));
  const two = redisKeys({ client: prefixed, encryption, prefix: 'q:' });
  expect(await two.find('a')).toBeUndefined();
  expect(hasSecret(await one.find('a'), 3)).toBe(true);
  expect(await one.list()).toMatchObject([{ credential: 'a', lastUsed: 60_000 }]);
  expect(await redis.command('EXISTS', 'mine:p:{keys}', 'mine:p:{keys}:used')).toBe(2);
});
