import { memoryNonceStore, type NonceStore } from '@countersign/server';
import { redisNonceStore } from '@countersign/server/nonces/redis';
import { tieredNonceStore } from '@countersign/server/nonces/tiered';
import { startPostgres, startRedis } from '@countersign/test-servers';
import { afterEach, expect, it } from 'vitest';
import { second } from './nonces-faults.js';
import * as postgres from './nonces-postgres-rig.js';
import { closeOpened, STANDALONE } from './nonces-redis-clients.js';
import * as sqlite from './nonces-sqlite-rig.js';

// None of these passes a verifier. What stands behind it must not depend on that.
const ODD = [
  ...[
    'a',
    'b',
    'ab',
    'a:b',
    'a b',
    'a;b',
    'a,b',
    'a/b',
    'a{b}',
    'a*',
    'a%',
    'a_',
    'A',
    'á',
    'a\u0301',
  ],
  ...[
    'a\r\nb',
    'a\nFLUSHALL\r\n',
    "a'; DROP TABLE countersign_nonces; --",
    'a"b',
    '$1',
    '\\',
    '\0',
    '',
  ],
  ...['__proto__', '\u{1f511}', 'x'.repeat(127), 'x'.repeat(128), `${'x'.repeat(127)}y`],
];

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all([closeOpened(), postgres.closeOpened()]);
  sqlite.closeOpened();
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function expectApart(store: NonceStore): Promise<void> {
  const expiresAt = second(300);
  for (const expected of ['fresh', 'replayed']) {
    for (const credential of ODD) {
      const verdicts = ODD.map((nonce) => store.claim(credential, nonce, expiresAt));
      expect([credential, new Set(await Promise.all(verdicts))]).toEqual([
        credential,
        new Set([expected]),
      ]);
    }
  }
}

it('memory keeps odd names apart, and so does what stands in front of another store', async () => {
  await expectApart(memoryNonceStore({ start: 'fresh' }));
  await expectApart(tieredNonceStore({ shared: memoryNonceStore({ start: 'fresh' }) }));
});

it.each(STANDALONE)('Redis keeps odd names apart, through %s', async (_, open) => {
  const redis = await startRedis();
  closing.push(() => redis.close());
  const { client } = await open(redis.url);
  await expectApart(redisNonceStore({ client, start: 'fresh', deadline: 5_000 }));
});

it('PostgreSQL keeps odd names apart', async () => {
  const server = await startPostgres();
  closing.push(() => server.close());
  await expectApart((await postgres.storeOn(postgres.poolOf(server.url))).store);
});

sqlite.withSqlite(() => {
  it('SQLite keeps odd names apart', () => expectApart(sqlite.storeOn()));
});
