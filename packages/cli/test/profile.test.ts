import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CREDENTIAL, SECRET } from './helpers.js';
import { home, modeOf, PLAIN } from './profile-home.js';

const OTHER_SECRET = 'csk_NdkEFjKz1RUtAAoBnV_2r97NMb4FKzD_AKpHYJWn9_A';

describe('profile add', () => {
  it('keeps what was given, for this user alone, and puts the first in use', async () => {
    const { add, path, read } = home();
    const { stderr } = await add('staging', '--origin', 'https://API.example.com:443/');
    expect(stderr).toBe('countersign: profile: "staging" is in use, as the first profile\n');
    const more = ['--origin', 'http://localhost:8787', '--origin', 'http://[::1]:80'];
    expect((await add('live', '--algorithm', 'HMAC-512', ...more)).stderr).toBe('');
    expect(read()).toEqual({
      inUse: 'staging',
      profiles: {
        staging: { ...PLAIN, secret: 'env:ORDERS_SECRET', origins: ['https://api.example.com'] },
        live: {
          ...PLAIN,
          secret: 'env:ORDERS_SECRET',
          algorithm: 'HMAC-512',
          origins: ['http://localhost:8787', 'http://[::1]'],
        },
      },
    });
    expect(modeOf(path)).toBe(0o600);
    expect(modeOf(dirname(path))).toBe(0o700);
    expect(readdirSync(dirname(path))).toEqual(['profiles.json']);
  });

  it('takes the mode of a directory back that others may look into', async () => {
    const { add, path } = home();
    mkdirSync(dirname(path), { mode: 0o755 });
    await add('a');
    expect(modeOf(dirname(path))).toBe(0o700);
  });

  it('stores a secret that is given itself, and says so without showing it', async () => {
    const { profile, path, read } = home();
    const given = ['add', 'a', '--credential', CREDENTIAL, '--secret'];
    const typed = await profile([...given, SECRET]);
    expect(typed).toMatchObject({ code: 0, stdout: '' });
    expect(typed.stderr).toContain(`the secret is stored in ${path}, which only you may read; the`);
    const piped = await profile([...given, '-', '--replace'], `${OTHER_SECRET}\n`);
    expect(piped).toEqual({
      code: 0,
      stdout: '',
      stderr: `countersign: profile: the secret is stored in ${path}, which only you may read\n`,
    });
    expect(read().profiles.a.secret).toBe(OTHER_SECRET);
    expect(typed.stderr).not.toContain(SECRET.slice(4));
  });

  it('keeps the path of a secret from where it was given', async () => {
    const { add, read, directory } = home();
    await add('a', '--secret', 'file:./secret.txt');
    expect(read().profiles.a.secret).toBe(`file:${join(directory, 'secret.txt')}`);
  });

  it('takes the place of another only with --replace', async () => {
    const { add, profile, read } = home();
    await add('a');
    const again = ['add', 'a', '--credential', 'b', '--secret', 'env:B'];
    expect(await profile(again)).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'countersign: profile add: there is a profile "a" already; give --replace, or another name\n',
    });
    expect(await profile([...again, '--replace'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(read().profiles.a).toEqual({ ...PLAIN, credential: 'b', secret: 'env:B' });
  });

  it.each([
    ['a name with a slash', ['a/b'], 'is no name of a profile'],
    ['a name that begins with a dot', ['.a'], 'is no name of a profile'],
    ['a secret for a name', [SECRET], 'is no name of a profile'],
    ['a bad credential', ['a', '--credential', 'a b'], '--credential: expected 1–128'],
    ['a secret for a credential', ['a', '--credential', SECRET], '--credential: this looks like'],
    ['no secret', ['a', '--secret', SECRET.slice(4)], '--secret: expected csk_…, env:NAME or'],
    ['a short secret', ['a', '--secret', 'csk_AAAA'], '--secret: 3 bytes are too few'],
    ['a mistyped secret', ['a', '--secret', `${SECRET}!`], '--secret: expected "csk_"'],
    ['an empty secret', ['a', '--secret', '-'], '--secret: expected csk_…'],
    ['a secret behind env:', ['a', '--secret', `env:${SECRET}`], 'take a name, not the secret'],
    ['a secret behind file:', ['a', '--secret', `file:/${SECRET}`], 'take a name, not the secret'],
    ['no variable', ['a', '--secret', 'env:'], 'the name of an environment variable'],
    ['no path', ['a', '--secret', 'file:'], 'expected a path'],
    ['an origin with a path', ['a', '--origin', 'https://a/b'], '--origin "https://a/b": expected'],
    ['an origin without a scheme', ['a', '--origin', 'a.example'], '--origin "a.example"'],
    ['an origin of another scheme', ['a', '--origin', 'ftp://a'], '--origin "ftp://a"'],
    ['an origin with user-info', ['a', '--origin', 'https://u:p@a'], '--origin'],
  ])('refuses %s, and keeps nothing', async (_, [name = '', ...args], message) => {
    const { profile, path } = home();
    const given = ['--credential', 'c', '--secret', 'env:A', ...args];
    const { code, stdout, stderr } = await profile(['add', name, ...given]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^countersign: profile add: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(SECRET.slice(4, 30));
    expect(() => statSync(path)).toThrow('ENOENT');
  });
});

describe('profile list, show, use and remove', () => {
  it('show everything but secrets', async () => {
    const { add, profile } = home();
    await add('b', '--origin', 'https://b.example', '--algorithm', 'HMAC-512');
    await add('aa', '--secret', SECRET, '--credential', 'c');
    const list = await profile(['list']);
    expect(list).toEqual({
      code: 0,
      stdout: '  aa  c\n* b   orders-service  https://b.example\n',
      stderr: '',
    });
    const b = {
      name: 'b',
      inUse: true,
      credential: CREDENTIAL,
      algorithm: 'HMAC-512',
      secret: 'env:ORDERS_SECRET',
      origins: ['https://b.example'],
    };
    const aa = { ...b, name: 'aa', inUse: false, credential: 'c', secret: 'stored', origins: [] };
    const shown = { ...aa, algorithm: 'HMAC-256' };
    expect(JSON.parse((await profile(['list', '--json'])).stdout)).toEqual([shown, b]);
    expect(JSON.parse((await profile(['show', '--json'])).stdout)).toEqual(b);
    expect(JSON.parse((await profile(['show', 'aa', '--json'])).stdout)).toEqual(shown);
    expect((await profile(['show'])).stdout).toBe(
      'b (in use)\n  credential: orders-service (HMAC-512)\n  secret: env:ORDERS_SECRET\n  origins: https://b.example\n',
    );
    expect((await profile(['show', 'aa'])).stdout).toBe(
      'aa\n  credential: c (HMAC-256)\n  secret: stored with the profile\n  origins: any\n',
    );
  });

  it('change which one is in use', async () => {
    const { add, profile, read } = home();
    await add('a');
    await add('b');
    expect(await profile(['use', 'b'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(read().inUse).toBe('b');
    expect(await profile(['remove', 'a'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await profile(['remove', 'b'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'countersign: profile: it was in use; now none is\n',
    });
    expect(read()).toEqual({ profiles: {} });
    expect(await profile(['show'])).toMatchObject({ code: 2, stdout: '' });
  });

  it.each([
    ['use', 'c'],
    ['remove', 'c'],
    ['show', 'c'],
    ['show', 'toString'],
  ])('%s %s says what there is', async (command, name) => {
    const { add, profile } = home();
    await add('b');
    await add('a');
    expect(await profile([command, name])).toEqual({
      code: 2,
      stdout: '',
      stderr: `countersign: profile ${command}: "${name}": there is no such profile; there are a, b\n`,
    });
  });

  it('say where there is none', async () => {
    const { profile } = home();
    expect(await profile(['list'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'countersign: profile: there is none; add one with countersign profile add\n',
    });
    expect(JSON.parse((await profile(['list', '--json'])).stdout)).toEqual([]);
    expect((await profile(['use', 'a'])).stderr).toContain('add one with countersign profile add');
  });
});
