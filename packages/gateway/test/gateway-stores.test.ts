import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrateKeys, postgresKeys } from '@countersign/server/keys/postgres';
import { keyEncryption, newKeyEncryptionKey, redisKeys } from '@countersign/server/keys/redis';
import { usePostgres, useRedis } from '@countersign/test-servers';
import { signedRequest, TEST_KEY, TEST_KEY_ENTRY, Wire } from '@countersign/testkit';
import pg from 'pg';
import { createClient } from 'redis';
import { expect, it } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';
import { service, untilTestEnds } from './proxy-rig.js';

const KEK = newKeyEncryptionKey();
const encryption = keyEncryption({ current: 'a', keys: { a: KEK } });

async function statuses(port: number) {
  const view = signedRequest({ now: () => Date.now() });
  const twice: number[] = [];
  for (let i = 0; i < 2; i++) {
    const wire = await Wire.open(port);
    twice.push((await wire.write(view).reply()).status);
    wire.socket.destroy();
  }
  return twice;
}

async function proxied(more: object) {
  const behind = await untilTestEnds(service());
  const { port } = await gatewayOf({
    proxy: { listen: '127.0.0.1:0', upstream: `http://127.0.0.1:${behind.port}` },
    ...more,
  });
  return port('proxy');
}

it('keys and nonces in Redis', async () => {
  const redis = await useRedis();
  const client = await createClient({ url: redis.url }).connect();
  await redisKeys({ client, encryption }).change(TEST_KEY.credential, () => TEST_KEY_ENTRY);
  client.destroy();
  const port = await proxied({
    keys: { redis: redis.url, encryption: { a: KEK } },
    nonces: { redis: redis.url },
    rateLimits: { redis: redis.url, limits: [{ requests: 100, seconds: 60 }] },
  });
  // What is dated up to the second in which the store began is refused.
  await expect.poll(() => statuses(port), { timeout: 5_000 }).toEqual([200, 401]);
});

it('keys and nonces in PostgreSQL', async () => {
  const postgres = await usePostgres();
  const pool = new pg.Pool({ connectionString: postgres.url, connectionTimeoutMillis: 1_000 });
  await migrateKeys(pool);
  await postgresKeys({ pool, encryption }).change(TEST_KEY.credential, () => TEST_KEY_ENTRY);
  await pool.end();
  const port = await proxied({
    keys: { postgres: postgres.url, encryption: { a: KEK } },
    nonces: { postgres: postgres.url },
  });
  await expect.poll(() => statuses(port), { timeout: 5_000 }).toEqual([200, 401]);
});

it('keys in a folder', async () => {
  const directory = join(folder(), 'callers');
  mkdirSync(directory);
  writeFileSync(join(directory, TEST_KEY.credential), TEST_KEY.secret);
  expect(await statuses(await proxied({ keys: { directory } }))).toEqual([200, 401]);
});
