import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { startPostgres, usePostgres } from '@countersign/test-servers';
import { expect, it, vi } from 'vitest';
import { run } from '../src/run.js';

// What its own client prints, without headings.
const psql = async (url: string, sql: string) =>
  (await run('psql', ['-X', '-A', '-t', '-d', url, '-c', sql])).trim();

it('starts one with the settings it is given, and leaves nothing behind', async () => {
  const postgres = await startPostgres({ config: { max_connections: '7' } });
  const { url, pid } = postgres;
  expect(await psql(url, 'SHOW max_connections')).toBe('7');
  expect(await psql(url, 'SELECT current_user')).toBe('postgres');
  const directory = dirname(await psql(url, 'SHOW data_directory'));
  await postgres.close();
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  await expect(stat(directory)).rejects.toThrow('ENOENT');
});

it('two at once share nothing', async () => {
  const servers = await Promise.all([startPostgres(), startPostgres()]);
  try {
    const [one, other] = servers;
    await psql(one.url, 'CREATE TABLE t (a int)');
    await expect(psql(other.url, 'SELECT * FROM t')).rejects.toThrow('does not exist');
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
});

it('can be killed and started again, on its port, with what it wrote down', async () => {
  const postgres = await startPostgres({ config: { fsync: 'on', synchronous_commit: 'on' } });
  try {
    await psql(postgres.url, 'CREATE TABLE t AS SELECT 42 AS a');
    await postgres.stop('SIGKILL');
    await expect(psql(postgres.url, 'SELECT 1')).rejects.toThrow('refused');
    await postgres.start();
    expect(await psql(postgres.url, 'SELECT a FROM t')).toBe('42');
  } finally {
    await postgres.close();
  }
});

it('says why it does not start', async () => {
  const config = { no_such_setting: '1' };
  await expect(startPostgres({ config })).rejects.toThrow(/no_such_setting[^\n]*$/);
});

it('usePostgres takes what a user has, and starts one otherwise', async () => {
  vi.stubEnv('POSTGRES_URL', '');
  const own = await usePostgres();
  try {
    vi.stubEnv('POSTGRES_URL', own.url);
    const brought = await usePostgres();
    expect(brought.url).toBe(own.url);
    await brought.close();
    expect(await psql(own.url, 'SELECT 1')).toBe('1');
  } finally {
    vi.unstubAllEnvs();
    await own.close();
  }
});
