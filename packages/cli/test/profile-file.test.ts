import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { file, run, SECRET, temporaryDirectory } from './helpers.js';
import { home, modeOf, PLAIN } from './profile-home.js';

describe('the file of profiles', () => {
  it('loses nothing when many are added at once', async () => {
    const { add, profile, path } = home();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map((name) => add(name)));
    const { stdout } = await profile(['list', '--json']);
    expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toEqual(names);
    expect(readdirSync(dirname(path))).toEqual(['profiles.json']);
  });

  it('leaves the old file whole where the new one cannot be put in its place', async () => {
    const { add, profile, path, read } = home();
    await add('a');
    writeFileSync(`${path}.new`, '');
    const { code, stderr } = await profile(['remove', 'a']);
    expect(code).toBe(3);
    expect(stderr).toContain('profiles are being changed by another countersign; if none');
    expect(stderr).toContain(`remove ${path}.new`);
    expect(Object.keys(read().profiles)).toEqual(['a']);
  });

  it.each([0o640, 0o604, 0o620, 0o644])('is refused with mode %o', async (mode) => {
    const { profile, write, path } = home();
    write({ profiles: { a: { ...PLAIN, secret: SECRET } } }, mode);
    for (const command of [
      ['list'],
      ['use', 'a'],
      ['add', 'b', '--credential', 'c', '--secret', 'env:A'],
    ]) {
      const { code, stdout, stderr } = await profile(command);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`${path}: others may read or change it (mode 0${mode.toString(8)})`);
      expect(stderr).toMatch(/; chmod 600 \S+\n$/);
    }
    expect(readdirSync(dirname(path))).toEqual(['profiles.json']);
  });

  it.each([
    [`{"profiles": {"a": "${SECRET}`, 'not valid JSON'],
    ['[]', ': expected an object'],
    ['{}', 'profiles: expected an object'],
    [{ profiles: {}, more: 1 }, 'more: unknown member'],
    [{ profiles: {}, inUse: 'a' }, 'inUse: expected the name of one'],
    [{ profiles: { 'a b': PLAIN } }, '"a b" is no name'],
    [{ profiles: { a: null } }, 'profiles.a: expected an object'],
    [{ profiles: { a: { ...PLAIN, origin: [] } } }, 'profiles.a.origin: unknown member'],
    [{ profiles: { a: { ...PLAIN, credential: 7 } } }, 'profiles.a.credential: expected'],
    [{ profiles: { a: { ...PLAIN, algorithm: 'MD5' } } }, 'profiles.a.algorithm: expected'],
    [{ profiles: { a: { ...PLAIN, secret: undefined } } }, 'profiles.a.secret: expected'],
    [{ profiles: { a: { ...PLAIN, secret: `${SECRET}!` } } }, 'profiles.a.secret: expected'],
    [{ profiles: { a: { ...PLAIN, origins: 'https://a' } } }, 'profiles.a.origins: expected'],
    [{ profiles: { a: { ...PLAIN, origins: ['https://a/b'] } } }, 'profiles.a.origins "https'],
  ])('is refused by path: %j', async (content, message) => {
    const { profile, write, path } = home();
    write(content);
    const { code, stdout, stderr } = await profile(['list']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^countersign: profile list: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(stderr.includes(path) || message.includes('is no name')).toBe(true);
    expect(stderr).not.toContain(SECRET.slice(4, 30));
  });

  it('stands in ~/.config unless XDG_CONFIG_HOME is an absolute path', async () => {
    const directory = temporaryDirectory();
    const given = ['profile', 'add', 'a', '--credential', 'c', '--secret', 'env:A'];
    const env = { HOME: directory, XDG_CONFIG_HOME: 'relative' };
    expect(await run(given, { env, cwd: directory })).toMatchObject({ code: 0 });
    expect(modeOf(join(directory, '.config/countersign/profiles.json'))).toBe(0o600);
  });

  it('is told with exit code 3 where it cannot be written', async () => {
    const directory = temporaryDirectory();
    const env = { XDG_CONFIG_HOME: file(directory, 'no-directory', '') };
    const given = ['profile', 'add', 'a', '--credential', 'c', '--secret', 'env:A'];
    const { code, stderr } = await run(given, { env });
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^countersign: profile add: cannot write the profiles .* \(ENOTDIR\)\n$/,
    );
  });
});
