import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianPackage } from '@countersign/test-servers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../src/run.js';

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'countersign-debian-'));
});
afterAll(() => rm(cache, { recursive: true }));

describe('debianPackage', () => {
  it('unpacks a program once, whoever asks at the same time', async () => {
    const trees = await Promise.all([1, 2, 3].map(() => debianPackage(['hello'], cache)));
    const { root, env } = trees[0] as (typeof trees)[0];
    expect(trees).toEqual([trees[0], trees[0], trees[0]]);
    const program = join(root, 'usr/bin/hello');
    expect(await run(program, [], { env: { LC_ALL: 'C', ...env } })).toBe('Hello, world!\n');
    const { ino } = await stat(root);
    await debianPackage(['hello'], cache);
    expect((await stat(root)).ino).toBe(ino);
    expect((await readdir(cache)).filter((name) => name.startsWith('work-'))).toEqual([]);
  }, 120_000);

  it('fetches lists of its own where the system has none', async () => {
    const configuration = join(cache, 'apt.conf');
    await writeFile(configuration, 'Dir::State::lists "/nonexistent";\n');
    vi.stubEnv('APT_CONFIG', configuration);
    try {
      const { root } = await debianPackage(['hello'], join(cache, 'without-lists'));
      expect(await stat(join(root, 'usr/bin/hello'))).toBeTruthy();
    } finally {
      vi.unstubAllEnvs();
    }
  }, 120_000);

  it('brings the shared libraries that the system lacks', async () => {
    const { root, env } = await debianPackage(['redis-server', 'redis-tools'], cache);
    const program = join(root, 'usr/bin/redis-server');
    expect(await run(program, ['--version'], { env: { ...process.env, ...env } })).toMatch(
      /^Redis/,
    );
  }, 120_000);

  it('says in one line what cannot be had', async () => {
    const asked = debianPackage(['countersign-no-such-package'], cache);
    await expect(asked).rejects.toThrow(
      /^cannot get countersign-no-such-package from Debian \(.*unable to locate package.*\)$/i,
    );
    expect((await readdir(cache)).filter((name) => name.startsWith('work-'))).toEqual([]);
  }, 120_000);
});
