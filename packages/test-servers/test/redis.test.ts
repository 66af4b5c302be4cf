import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  redisCommand,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  useRedis,
} from '@countersign/test-servers';
import ts from 'typescript';
import { describe, expect, it, vi } from 'vitest';
import { redisProgram } from '../src/redis.js';

const directoryOf = async (redis: Awaited<ReturnType<typeof startRedis>>) =>
  String(((await redis.command('CONFIG', 'GET', 'dir')) as readonly string[])[1]);

describe('startRedis', () => {
  it('starts one with the directives it is given, and leaves nothing behind', async () => {
    const config = { requirepass: 'p@ss', 'maxmemory-policy': 'allkeys-lru' };
    const redis = await startRedis({ config });
    const directory = await directoryOf(redis);
    expect(redis.url).toBe(`redis://:p%40ss@127.0.0.1:${redis.port}`);
    expect(await redis.command('CONFIG', 'GET', 'maxmemory-policy')).toEqual([
      'maxmemory-policy',
      'allkeys-lru',
    ]);
    await expect(redisCommand(redis.port, ['PING'])).rejects.toThrow('NOAUTH');
    const { pid } = redis;
    await redis.close();
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
    await expect(stat(directory)).rejects.toThrow('ENOENT');
    await redis.close();
  });

  it('can be killed and started again, on its port, with what it wrote down', async () => {
    const redis = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    try {
      await redis.command('SET', 'kept', 'x'.repeat(100_000));
      await redis.stop('SIGKILL');
      await expect(redis.command('PING')).rejects.toThrow('ECONNREFUSED');
      await redis.start();
      expect(await redis.command('STRLEN', 'kept')).toBe(100_000);
      expect(await redis.command('MGET', 'kept', 'lost')).toEqual(['x'.repeat(100_000), null]);
    } finally {
      await redis.close();
    }
  });

  it('says why it does not start, and leaves nothing behind', async () => {
    const config = { 'no-such-directive': 'x' };
    await expect(startRedis({ config })).rejects.toThrow(/no-such-directive[^\n]*$/);
  });

  it('ends with whoever started it, even if that one is killed', async () => {
    const { path, env } = await redisProgram();
    const directory = await mkdtemp(join(tmpdir(), 'countersign-starter-'));
    let starter: ChildProcess | undefined;
    try {
      await compileInto(directory);
      const script = `import { startRedis } from './redis.js';
        const redis = await startRedis();
        const [, dir] = await redis.command('CONFIG', 'GET', 'dir');
        console.log(JSON.stringify([redis.port, dir]));
        setInterval(() => {}, 1000);`;
      starter = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        cwd: directory,
        env: { ...process.env, ...env, REDIS_SERVER_BIN: path },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = await once(starter.stdout as NonNullable<typeof starter.stdout>, 'data');
      const [port, left] = JSON.parse(String(line)) as [number, string];
      const ping = () => redisCommand(port, ['PING']).catch(({ message }) => message);
      expect(await ping()).toBe('PONG');
      starter.kill('SIGKILL');
      await expect.poll(ping).toContain('ECONNREFUSED');
      await rm(left, { recursive: true });
    } finally {
      starter?.kill('SIGKILL');
      await rm(directory, { recursive: true });
    }
  });
});

async function compileInto(directory: string): Promise<void> {
  const source = new URL('../src/', import.meta.url);
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  for (const name of (await readdir(source)).filter((name) => name.endsWith('.ts'))) {
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const text = await readFile(new URL(name, source), 'utf8');
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    await writeFile(join(directory, name.replace(/ts$/, 'js')), outputText);
  }
}

it('useRedis takes what a user has, and starts one otherwise', async () => {
  vi.stubEnv('REDIS_URL', '');
  const own = await useRedis();
  try {
    expect(await redisCommand(Number(new URL(own.url).port), ['PING'])).toBe('PONG');
    vi.stubEnv('REDIS_URL', own.url);
    const brought = await useRedis();
    expect(brought.url).toBe(own.url);
    await brought.close();
    expect(await redisCommand(Number(new URL(own.url).port), ['PING'])).toBe('PONG');
  } finally {
    vi.unstubAllEnvs();
    await own.close();
  }
});

it('startRedisCluster makes one of three masters', async () => {
  const { masters, close } = await startRedisCluster();
  try {
    const moved = [];
    for (const key of ['a', 'b', 'c', 'd']) {
      const answers = masters.map((each) =>
        each.command('SET', key, key).catch(({ message }) => `${message}`.split(' ')[0]),
      );
      moved.push((await Promise.all(answers)).sort());
    }
    expect(moved).toEqual(Array(4).fill(['MOVED', 'MOVED', 'OK']));
  } finally {
    await close();
  }
});

it('startRedisSentinel makes a master with a replica that a Sentinel can promote', async () => {
  const { name, sentinel, master, replica, close } = await startRedisSentinel();
  try {
    const where = ['SENTINEL', 'get-master-addr-by-name', name];
    expect(await sentinel.command(...where)).toEqual(['127.0.0.1', `${master.port}`]);
    await master.command('SET', 'a', 'b');
    await expect.poll(() => replica.command('GET', 'a')).toBe('b');
    await sentinel.command('SENTINEL', 'FAILOVER', name);
    await expect
      .poll(() => sentinel.command(...where), { timeout: 8_000 })
      .toEqual(['127.0.0.1', `${replica.port}`]);
  } finally {
    await close();
  }
}, 20_000);
