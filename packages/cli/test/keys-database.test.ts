import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { keyEncryption } from '@countersign/server/keys/postgres';
import { redisKeys } from '@countersign/server/keys/redis';
import {
  type Postgres,
  type Redis,
  startFaultProxy,
  startPostgres,
  startRedis,
} from '@countersign/test-servers';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { file, run, temporaryDirectory } from './helpers.js';

const KEK = `ckek_${Buffer.alloc(32, 3).toString('base64url')}`;
const OLD_KEK = `ckek_${Buffer.alloc(32, 4).toString('base64url')}`;
const ENCRYPTION = { COUNTERSIGN_ENCRYPTION_KEYS: `2026:${KEK},1:${OLD_KEK}` };

let redis: Redis;
let postgres: Postgres;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
}, 120_000);
afterAll(() => Promise.all([redis.close(), postgres.close()]));

describe.each(['redis', 'postgres'] as const)('%s', (kind) => {
  const urlOf = () => (kind === 'redis' ? redis.url : postgres.url);
  const keys = (...args: string[]) =>
    run(['keys', ...args, `--${kind}`, urlOf()], { env: ENCRYPTION });

  it('is managed: added to, rotated, disabled, enabled, listed, removed from', async () => {
    const added = await keys('add', 'orders', '--group', 'g', '--secret-id', 'one', '--json');
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(await keys('add', 'orders')).toMatchObject({ code: 2, stdout: '' });
    const rotated = await keys('rotate', 'orders', '--secret-id', 'two', '--json');
    expect(JSON.parse(rotated.stdout)).toMatchObject({ id: 'two', old: [{ id: 'one' }] });
    expect(await keys('disable', 'orders')).toMatchObject({ code: 2 });
    expect(await keys('disable', 'orders', '--yes')).toMatchObject({ code: 0 });
    const listed = await keys('list');
    expect(listed.stdout).toMatch(
      /^CREDENTIAL +STATUS +GROUP +ALGORITHM +SECRETS\norders +disabled +g +HMAC-256 +one until \S+Z, two\n$/,
    );
    expect(await keys('enable', 'orders', '--yes')).toMatchObject({ code: 0 });
    expect(JSON.parse((await keys('list', '--json')).stdout)).toMatchObject([
      { credential: 'orders', status: 'active', secrets: [{ id: 'one' }, { id: 'two' }] },
    ]);
    expect(await keys('remove', 'orders', '--yes')).toMatchObject({ code: 0 });
    expect((await keys('list')).stderr).toContain('has no key; add one');
    expect(await keys('remove', 'orders', '--yes')).toMatchObject({ code: 2 });
  }, 30_000);

  it('has all keys that are added at once', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const added = await Promise.all(names.map((name) => keys('add', name, '--json')));
    expect(added.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const listed: { credential: string }[] = JSON.parse((await keys('list', '--json')).stdout);
    expect(listed.map(({ credential }) => credential)).toEqual(names);
  }, 30_000);

  it('is that of a gateway, whose configuration names the keys to encrypt with', async () => {
    const cwd = temporaryDirectory();
    file(cwd, 'kek', `${KEK}\n`);
    const where = kind === 'redis' ? 'prefix: "mine:"' : 'table: mine';
    const config = `keys: {${kind}: env:URL_OF_KEYS, ${where}, encryption: {k: file:kek}}
hosts: [a.example]
proxy: {listen: "127.0.0.1:0", upstream: {origins: ["http://127.0.0.1:9"]}}
`;
    file(cwd, 'gateway.yaml', config);
    const options = { cwd, env: { URL_OF_KEYS: urlOf() } };
    const missing = await run(['keys', 'list'], { cwd });
    expect(missing.stderr).toContain(`gateway.yaml: keys.${kind}: URL_OF_KEYS is not set`);
    expect(await run(['keys', 'add', 'm'], options)).toMatchObject({ code: 0 });
    const place = kind === 'redis' ? ['--prefix', 'mine:'] : ['--table', 'mine'];
    const listed = await run(['keys', 'list', `--${kind}`, urlOf(), ...place, '--json'], {
      env: { COUNTERSIGN_ENCRYPTION_KEYS: `k:${KEK}` },
    });
    expect(JSON.parse(listed.stdout)).toMatchObject([{ credential: 'm' }]);
  }, 30_000);

  it('that is away is told with exit code 3, without its password', async () => {
    const url = `${kind}://user:hidden@127.0.0.1:1`;
    const env = { ...ENCRYPTION, [`COUNTERSIGN_KEYS_${kind.toUpperCase()}`]: url };
    const { code, stdout, stderr } = await run(['keys', 'add', 'x'], { env });
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(
      /^countersign: keys add: COUNTERSIGN_KEYS_\w+: cannot .*ECONNREFUSED.*\n$/,
    );
    expect(stderr).not.toContain('hidden');
  });

  it('that accepts connections and says nothing is told with exit code 3', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const url = `${kind}://127.0.0.1:${port}`;
      const listed = await run(['keys', 'list', `--${kind}`, url], { env: ENCRYPTION });
      expect(listed).toMatchObject({ code: 3, stdout: '' });
      expect(listed.stderr).toMatch(/^countersign: keys list: --\w+: cannot \w+ \w+ \([^()]+\)\n$/);
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });

  it('whose keys are sealed with another key is told with exit code 3', async () => {
    await keys('add', 'sealed');
    const env = { COUNTERSIGN_ENCRYPTION_KEYS: `2026:${OLD_KEK}` };
    const { code, stderr } = await run(['keys', 'list', `--${kind}`, urlOf()], { env });
    expect(code).toBe(3);
    expect(stderr).toMatch(/the key "\w+" cannot be read/);
  });
});

it('tells with exit code 3 that PostgreSQL says nothing any more', async () => {
  const proxy = await startFaultProxy(postgres.port);
  const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
  const nothing = Buffer.alloc(0);
  await proxy.set({
    kind: 'respond',
    respond: (request) => (request.includes('to_regclass') ? nothing : undefined),
  });
  try {
    const listed = await run(['keys', 'list', '--postgres', url], { env: ENCRYPTION });
    expect(listed).toMatchObject({ code: 3, stdout: '' });
    expect(listed.stderr).toContain('--postgres: cannot use PostgreSQL (');
  } finally {
    await proxy.close();
  }
});

it('shows when a key was used last', async () => {
  const env = ENCRYPTION;
  const args = ['--redis', redis.url, '--prefix', 'used:'];
  await run(['keys', 'add', 'used', ...args], { env });
  await run(['keys', 'add', 'unused', ...args], { env });
  const client = await createClient({ url: redis.url }).connect();
  const encryption = keyEncryption({ current: '2026', keys: { '2026': KEK } });
  const store = redisKeys({ client, encryption, prefix: 'used:' });
  await store.noteUses(new Map([['used', Date.parse('2026-11-01T12:00:00Z')]]));
  client.destroy();
  const { stdout } = await run(['keys', 'list', ...args], { env });
  expect(stdout).toMatch(/^CREDENTIAL .* LAST USED +SECRETS$/m);
  expect(stdout).toMatch(/^unused .*HMAC-256 +- +[0-9-]{10}$/m);
  expect(stdout).toMatch(/^used .* 2026-11-01T12:00:00Z +[0-9-]{10}$/m);
  const json = await run(['keys', 'list', '--json', ...args], { env });
  expect(JSON.parse(json.stdout)[1].lastUsed).toBe('2026-11-01T12:00:00.000Z');
});

it('makes the table of PostgreSQL where a key is added, and not where none is', async () => {
  const args = ['--postgres', postgres.url, '--table', 'made_later'];
  const before = await run(['keys', 'list', ...args], { env: ENCRYPTION });
  expect(before).toMatchObject({ code: 2, stdout: '' });
  expect(before.stderr).toContain('there is no table of keys; countersign keys add makes it');
  expect(await run(['keys', 'add', 'a', ...args], { env: ENCRYPTION })).toMatchObject({ code: 0 });
  expect(await run(['keys', 'list', ...args], { env: ENCRYPTION })).toMatchObject({ code: 0 });
  const wrong = await run(['keys', 'list', '--postgres', postgres.url, '--table', 'a b'], {
    env: ENCRYPTION,
  });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--table: ') });
});
