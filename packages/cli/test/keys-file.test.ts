import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SECRET } from './helpers.js';
import { keysHome } from './keys-home.js';

const NEW = /csk_[A-Za-z0-9_-]{43}/;
const TODAY = /[0-9]{4}-[0-9]{2}-[0-9]{2}/;
/** The text with what is made anew each time left out. */
const plain = (text: string) =>
  text
    .replace(new RegExp(NEW, 'g'), 'SECRET')
    .replace(/[0-9-]{10}T[0-9:]{8}Z/g, 'TIME')
    .replace(new RegExp(TODAY, 'g'), 'DAY');

describe('a file that is not there', () => {
  it.each([
    [
      'keys.json',
      '{\n  "keys": [\n    {\n      "credential": "a",\n      "algorithm": "HMAC-256",\n      "secrets": [\n        {\n          "id": "DAY",\n          "secret": "SECRET"\n        }\n      ]\n    }\n  ]\n}\n',
    ],
    [
      'keys.yaml',
      'keys:\n  - credential: a\n    algorithm: HMAC-256\n    secrets:\n      - id: DAY\n        secret: SECRET\n',
    ],
  ])('is made for its owner alone: %s', async (name, text) => {
    const { keys, read, path, directory } = keysHome(name);
    expect(await keys(['add', 'a'])).toMatchObject({ code: 0 });
    expect(plain(read())).toBe(text);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual([name]);
  });

  it('is not made by what changes keys, and its directory by nothing', async () => {
    const { keys, directory, path } = keysHome('keys.json');
    for (const args of [['rotate', 'a'], ['disable', 'a', '--yes'], ['list']]) {
      const { code, stdout, stderr } = await keys(args);
      expect({ code: code === 2 || code === 3, stdout }).toEqual({ code: true, stdout: '' });
      expect(stderr).toContain(path);
    }
    expect(readdirSync(directory)).toEqual([]);
    const nowhere = await keysHome('a/keys.json').keys(['add', 'a']);
    expect(nowhere).toMatchObject({ code: 3, stdout: '' });
    expect(nowhere.stderr).toMatch(/cannot write the key file \S+ \(ENOENT\)\n$/);
  });
});

describe('what is not changed', () => {
  const YAML = `# who may call us
keys:
# the orders team
- credential: orders-service # ask Ann
  group: 'partners'

  secrets:
  - id: first # old
    secret: env:ORDERS_SECRET
    notAfter: "2040-01-01T00:00:00Z"
  # the other
  - {id: second, secret: "file:x.secret"}
# reports
- {credential: reports, secrets: [{secret: env:R}]}

# the end
`;

  it('stays in YAML as it is, with comments, order, quotes and references', async () => {
    const { keys, read } = keysHome('keys.yaml', YAML);
    await keys(['rotate', 'orders-service']);
    await keys(['disable', 'orders-service', '--yes']);
    const expected = YAML.replace('\n\n  secrets', '\n  status: disabled\n\n  secrets')
      .replace('2040-01-01T00:00:00Z', 'TIME')
      .replace(
        '"file:x.secret"}\n',
        '"file:x.secret", notAfter: TIME}\n  - {id: DAY, secret: SECRET}\n',
      );
    expect(plain(read())).toBe(expected);
    await keys(['enable', 'orders-service', '--yes']);
    expect(plain(read())).toBe(expected.replace('disabled', 'active'));
    await keys(['remove', 'orders-service', '--yes']);
    expect(read()).toContain('# reports\n- {credential: reports, secrets: [{secret: env:R}]}\n');
    expect(read()).toMatch(/^# who may call us\nkeys:\n[\s\S]*# the end\n$/);
  });

  it.each(['\t', '    ', ' '])('stays in JSON, indented with %j', async (indentation) => {
    const key = { secrets: [{ secret: 'env:A' }], group: 'g', credential: 'a' };
    const text = (...keys: readonly object[]) =>
      `${JSON.stringify({ keys }, undefined, indentation)}\n\n`;
    const { keys, read } = keysHome('keys.json', text(key));
    await keys(['disable', 'a', '--yes']);
    const { secrets, ...others } = key;
    expect(read()).toBe(text({ status: 'disabled', secrets, ...others }));
  });

  it('stays on one line, and with its line ends', async () => {
    const one = keysHome(
      'keys.json',
      `{"keys":[{"credential":"a","secrets":[{"secret":"${SECRET}"}]}]}`,
    );
    await one.keys(['disable', 'a', '--yes']);
    expect(one.read()).toBe(
      `{"keys":[{"credential":"a","status":"disabled","secrets":[{"secret":"${SECRET}"}]}]}`,
    );
    const windows = keysHome(
      'keys.yml',
      '# we\r\nkeys:\r\n  - credential: a # x\r\n    secrets: [ { secret: env:A } ]\r\n',
    );
    await windows.keys(['disable', 'a', '--yes']);
    expect(windows.read()).toBe(
      '# we\r\nkeys:\r\n  - credential: a # x\r\n    status: disabled\r\n    secrets: [ { secret: env:A } ]\r\n',
    );
  });

  it.each([
    ['keys.json', '{"keys":[{"credential":"b","secret":"SECRET"}]}', 'keys[0].secret: unknown'],
    [
      'keys.json',
      '{"keys":[{"credential":"b","secrets":[{"secret":"env:SECRET"}]}]}',
      'take a name',
    ],
    ['keys.json', '{"keys":[{"credential":"b","secrets":[{"secret":"SECRET', 'not valid JSON'],
    ['keys.json', '', 'not valid JSON'],
    [
      'keys.yaml',
      'keys:\n  - credential: b\n    secrets: [{secret: SECRET, id: 7}]\n',
      'line 3: keys[0].secrets[0].id',
    ],
    ['keys.yaml', 'keys: &a []\n', 'line 1: not valid YAML (anchors are not taken)'],
  ])('is refused where a service would refuse it: %s %s', async (name, content, message) => {
    const { keys, read, directory } = keysHome(name, content.replaceAll('SECRET', SECRET));
    for (const args of [['add', 'a'], ['list']]) {
      const { code, stdout, stderr } = await keys(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(message);
      expect(stderr).toContain(`${name}: `);
      expect(stderr).not.toContain(SECRET.slice(4));
    }
    expect(read()).toBe(content.replaceAll('SECRET', SECRET));
    expect(readdirSync(directory)).toEqual([name]);
  });
});

describe('the file', () => {
  it('has all keys that are added at once', async () => {
    const { keys, directory, json } = keysHome('keys.yaml');
    const names = Array.from({ length: 10 }, (_, i) => `caller-${i}`);
    const results = await Promise.all(names.map((name) => keys(['add', name])));
    expect(results.map(({ code }) => code)).toEqual(names.map(() => 0));
    const listed: { credential: string }[] = await json(['list']);
    expect(listed.map(({ credential }) => credential)).toEqual(names);
    expect(readdirSync(directory)).toEqual(['keys.yaml']);
  }, 30_000);

  it('keeps its mode, and the link that leads to it', async () => {
    const { keys, directory, path } = keysHome('linked.json');
    mkdirSync(join(directory, 'real'));
    const real = join(directory, 'real', 'keys.json');
    writeFileSync(real, '{"keys":[]}');
    chmodSync(real, 0o640);
    symlinkSync(join('real', 'keys.json'), path);
    expect(await keys(['add', 'a'])).toMatchObject({ code: 0 });
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toContain('"a"');
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(directory, 'real'))).toEqual(['keys.json']);
  });

  it('is taken over from who ended while changing it', async () => {
    const { keys, path, directory } = keysHome('keys.json');
    const { pid } = await ended();
    writeFileSync(`${path}.lock`, `${pid} ${hostname()}\n`);
    writeFileSync(`${path}.new`, '{"keys":[{"cred');
    const names = ['a', 'b', 'c'];
    const results = await Promise.all(names.map((name) => keys(['add', name])));
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect((await keys(['list'])).stdout.split('\n')).toHaveLength(5);
    expect(readdirSync(directory)).toEqual(['keys.json']);
  });

  it('is left alone while another program changes it', async () => {
    const { keys, path, read } = keysHome('keys.json', '{"keys":[]}');
    writeFileSync(`${path}.lock`, `${process.pid} ${hostname()}\n`);
    const elsewhere = keysHome('keys.json', '{"keys":[]}');
    writeFileSync(`${elsewhere.path}.lock`, '1 another-machine\n');
    const [here, there] = await Promise.all([keys(['add', 'a']), elsewhere.keys(['add', 'a'])]);
    expect(here).toMatchObject({ code: 3, stdout: '' });
    expect(here.stderr).toContain(`if none is, remove ${path}.lock`);
    expect(there).toMatchObject({ code: 3, stdout: '' });
    expect([read(), elsewhere.read()]).toEqual(['{"keys":[]}', '{"keys":[]}']);
  }, 30_000);
});

/** A process that has ended. */
async function ended() {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child;
}
