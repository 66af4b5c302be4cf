import { describe, expect, it } from 'vitest';
import { runSigned, SECRET, startService } from './helpers.js';
import { keysHome, runOnTerminal } from './keys-home.js';

const OLD = `{"keys":[{"credential":"a","secrets":[{"id":"one","secret":"${SECRET}"}]}]}`;
const HOUR = 3_600_000;

describe('keys add', () => {
  it('prints the secret once, and what a caller sets', async () => {
    const { keys, read } = keysHome('keys.json');
    const { code, stdout, stderr } = await keys(['add', 'a', '--algorithm', 'HMAC-512']);
    expect(code).toBe(0);
    expect(stdout).toContain('Credential: a (HMAC-512)\n');
    const [, secret = 'none'] = /^export COUNTERSIGN_SECRET=(\S+)$/m.exec(stdout) ?? [];
    expect(read()).toContain(secret);
    expect(stderr).toMatch(
      /kept in \S+keys\.json as secret "[0-9-]{10}"; it is not shown again\n$/,
    );
    for (const args of [['list'], ['list', '--json']]) {
      expect((await keys(args)).stdout).not.toContain('csk_');
    }
  });

  it('prints JSON, which serve takes requests of', async () => {
    const { json, read, path } = keysHome('keys.yaml');
    const given = ['--group', 'g', '--secret-id', 'x', '--not-after', '2999-01-01T00:00:00Z'];
    const added = await json(['add', 'a', ...given]);
    expect(added).toEqual({
      ...{ credential: 'a', algorithm: 'HMAC-256', group: 'g', id: 'x' },
      ...{ secret: expect.stringMatching(/^csk_/), notAfter: '2999-01-01T00:00:00Z' },
    });
    expect(read()).toContain(added.secret);
    const service = await startService(['--keys', path]);
    const env = { COUNTERSIGN_CREDENTIAL: 'a', COUNTERSIGN_SECRET: added.secret };
    const url = `http://localhost:${service.port}/`;
    const answer = await runSigned(['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', url], {
      env,
    });
    await service.stop();
    expect(answer.stdout).toBe('200');
  });

  it('refuses a key that there is', async () => {
    const { keys, read } = keysHome('keys.json', OLD);
    expect(await keys(['add', 'a'])).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'countersign: keys add: there is a key "a" already; countersign keys rotate gives it a new secret\n',
    });
    expect(read()).toBe(OLD);
  });

  it.each([
    [['a b'], 'credential: expected 1–128'],
    [['csk_x'], 'credential: this looks like a secret'],
    [['b', '--group', 'x y'], 'group: expected'],
    [['b', '--secret-id', ''], '--secret-id: expected'],
    [['b', '--not-after', 'tomorrow'], '--not-after: expected an RFC 3339'],
    [['b', '--not-after', '2020-01-01T00:00:00Z'], '--not-after: expected a time that is still'],
    [['b', '--algorithm', 'MD5'], "'--algorithm <name>' argument 'MD5' is invalid"],
  ])('refuses %j', async (args, message) => {
    const { keys, read } = keysHome('keys.json', OLD);
    const { code, stdout, stderr } = await keys(['add', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(read()).toBe(OLD);
  });
});

describe('keys rotate', () => {
  it('lets the old secret end after the overlap, and the new one begin at once', async () => {
    const { json, read } = keysHome('keys.json', OLD);
    const before = Date.now();
    const { secret, old, removed, id } = await json(['rotate', 'a', '--overlap', '2h']);
    expect([old.length, old[0].id, removed]).toEqual([1, 'one', []]);
    const end = Date.parse(old[0].notAfter);
    expect(end).toBeGreaterThanOrEqual(before + 2 * HOUR);
    expect(end).toBeLessThan(Date.now() + 2 * HOUR + 2_000);
    const { secrets } = JSON.parse(read()).keys[0];
    expect(secrets).toEqual([
      { id: 'one', secret: SECRET, notAfter: old[0].notAfter },
      { id, secret },
    ]);
  });

  it('takes a day unless told, and prolongs nothing', async () => {
    const { keys, json } = keysHome('keys.json', OLD);
    const { old } = await json(['rotate', 'a', '--overlap', '1h']);
    const { stdout, stderr } = await keys(['rotate', 'a']);
    expect(stdout).toMatch(/^export COUNTERSIGN_SECRET=csk_/m);
    expect(stderr).toContain(`the old secret "one" is good until ${old[0].notAfter}\n`);
    const [{ secrets }] = await json(['list']);
    expect(secrets.map(({ state }: { state: string }) => state)).toEqual(['live', 'live', 'live']);
    expect(Date.parse(secrets[0].notAfter)).toBe(Date.parse(old[0].notAfter));
    expect(Date.parse(secrets[1].notAfter) - Date.now()).toBeGreaterThan(24 * HOUR - 60_000);
    expect(secrets[2].notAfter).toBeUndefined();
  });

  it('removes secrets that have ended or would not begin; all of them without an overlap', async () => {
    const secrets = [
      { id: 'ended', secret: SECRET, notAfter: '2020-01-01T00:00:00Z' },
      { id: 'later', secret: 'env:LATER', notBefore: '2999-01-01T00:00:00Z' },
      { secret: 'env:A' },
    ];
    const content = JSON.stringify({ keys: [{ credential: 'a', status: 'disabled', secrets }] });
    const { keys, read } = keysHome('keys.json', content);
    const { stderr } = await keys(['rotate', 'a', '--secret-id', 'next']);
    expect(stderr).toContain('the old secret "ended" is removed');
    expect(stderr).toContain('the old secret "later" is removed');
    expect(stderr).toContain('an old secret without an id is good until');
    expect(stderr).toContain('the key is disabled');
    const { secrets: kept } = JSON.parse(read()).keys[0];
    expect(kept.map(({ secret }: { secret: string }) => secret)).toEqual([
      'env:A',
      expect.stringMatching(/^csk_/),
    ]);
    await keys(['rotate', 'a', '--overlap', '0', '--secret-id', 'last']);
    expect(JSON.parse(read()).keys[0].secrets).toMatchObject([{ id: 'last' }]);
  });

  it.each([
    [['b'], 'there is no key "b" in '],
    [['a', '--overlap', 'soon'], '--overlap "soon": expected seconds'],
    [['a', '--overlap', '-1'], '--overlap "-1": expected'],
    [['a', '--overlap', '401d'], '--overlap "401d": expected'],
    [['a', '--secret-id', 'one'], '--secret-id "one": the key has'],
    [['a', '--not-after', '2020-01-01T00:00:00Z'], '--not-after: expected'],
  ])('refuses %j', async (args, message) => {
    const { keys, read } = keysHome('keys.json', OLD);
    const { code, stdout, stderr } = await keys(['rotate', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(read()).toBe(OLD);
  });
});

describe('keys disable, enable and remove', () => {
  it('do it with --yes, and say so; what is so already stays', async () => {
    const { keys, json, read } = keysHome('keys.json', OLD);
    expect((await keys(['disable', 'a', '--yes'])).stderr).toMatch(/"a" in \S+ is disabled\n$/);
    expect(await json(['list'])).toMatchObject([{ credential: 'a', status: 'disabled' }]);
    const again = await keys(['disable', 'a']);
    expect(again).toMatchObject({ code: 0, stdout: '' });
    expect(again.stderr).toMatch(/is disabled already\n$/);
    await keys(['enable', 'a', '--yes']);
    expect(await json(['list'])).toMatchObject([{ status: 'active' }]);
    await keys(['remove', 'a', '--yes']);
    expect(read()).toBe('{"keys":[]}');
    expect((await keys(['list'])).stderr).toContain('has no key; add one');
  });

  it.each(['disable', 'enable', 'remove'])('%s is refused without a terminal', async (command) => {
    const content = OLD.replace('"a"', '"a","status":"disabled"');
    const { keys, read } = keysHome('keys.json', command === 'enable' ? content : OLD);
    const before = read();
    const { code, stderr } = await keys([command, 'a']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no terminal to ask on; give --yes\n$/);
    expect(await keys([command, 'b', '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no key "b"'),
    });
    expect(read()).toBe(before);
  });

  it.each([
    ['y\n', 0, '{"keys":[]}'],
    ['yes\n', 0, '{"keys":[]}'],
    ['n\n', 1, OLD],
    ['\n', 1, OLD],
    ['yesterday\n', 1, OLD],
    ['\u0004', 1, OLD],
    ['\u0003', 1, OLD],
  ])('ask on a terminal: %j', async (typed, expected, content) => {
    const { path, read } = keysHome('keys.json', OLD);
    const { code, stdout } = await runOnTerminal(['keys', 'remove', 'a', '--keys', path], typed);
    expect(stdout).toContain('Remove it and its secrets for good? [y/N]');
    expect({ code, content: read() }).toEqual({ code: expected, content });
    expect(stdout).toContain(expected === 0 ? 'is removed' : 'nothing was changed');
  });
});
