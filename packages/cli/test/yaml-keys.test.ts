import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CREDENTIAL,
  DATE,
  file,
  run,
  runSigned,
  SECRET,
  startService,
  temporaryDirectory,
} from './helpers.js';

const directory = temporaryDirectory();
file(directory, 'orders.secret', `${SECRET}\n`);

const YAML = `# who may call
keys:
  - credential: orders-service
    group: partners
    secrets:
      - id: one
        secret: ${SECRET}
        notAfter: 2999-01-01T00:00:00Z
  - credential: "other"
    algorithm: HMAC-512
    status: disabled
    secrets: [{secret: env:OTHER_SECRET}, {secret: "file:orders.secret", notBefore: '2020-01-01T00:00:00Z'}]
`;
const ENV = { OTHER_SECRET: SECRET };

/** What `verify` says of a good request with this key file. */
async function verified(name: string, content: string, env: Record<string, string> = ENV) {
  const head = await runSigned(['sign', 'http://a/', '--date', DATE]);
  const input = `GET / HTTP/1.1\r\nHost: a\r\n${head.stdout.replaceAll('\n', '\r\n')}\r\n`;
  const keys = file(directory, name, content);
  const args = ['verify', '--keys', keys, '--host', 'a', '--now', DATE, '--json'];
  return run(args, { env, input });
}

describe('a key file in YAML', () => {
  it.each(['keys.yaml', 'keys.yml', 'KEYS.YAML'])('is read by its name: %s', async (name) => {
    const { code, stdout, stderr } = await verified(name, YAML);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ credential: CREDENTIAL, secretId: 'one' });
  });

  it('is read by serve, with files beside it', async () => {
    const keys = file(
      directory,
      'served.yaml',
      'keys:\n- credential: orders-service\n  secrets:\n  - secret: file:orders.secret\n',
    );
    const service = await startService(['--keys', keys, '--fresh']);
    const { stdout } = await runSigned(['curl', '-s', service.url]);
    expect(JSON.parse(stdout)).toMatchObject({ credential: CREDENTIAL });
    await service.stop();
  });

  it('is JSON under any other name', async () => {
    const { code, stderr } = await verified('keys.txt', YAML);
    expect(code).toBe(2);
    expect(stderr).toContain('not valid JSON');
  });

  it('may be JSON, as every JSON is YAML', async () => {
    const json = JSON.stringify({
      keys: [{ credential: CREDENTIAL, secrets: [{ secret: SECRET }] }],
    });
    expect(await verified('json.yaml', json)).toMatchObject({ code: 0 });
  });

  const key = (...lines: readonly string[]) =>
    ['keys:', '- credential: orders-service', ...lines.map((line) => `  ${line}`)].join('\n');
  const SECRETS = `secrets: [{secret: ${SECRET}}]`;

  it.each([
    ['a duplicate key', key(SECRETS, SECRETS), 'line 4: not valid YAML (duplicate key)'],
    ['a tab', `keys:\n\t- credential: ${SECRET}`, 'line 2: not valid YAML ('],
    ['an open bracket', `keys: [${SECRET}`, 'not valid YAML ('],
    ['a second document', `${key(SECRETS)}\n---\nkeys: []`, 'not valid YAML (multiple docs)'],
    ['an anchor', key('group: &a x', SECRETS), 'line 3: not valid YAML (anchors are not taken)'],
    ['an alias', key(`secrets: *${SECRET}`), 'line 3: not valid YAML ('],
    ['a tag', key('group: !!str x', SECRETS), 'line 3: not valid YAML (tags are not taken)'],
    ['a tag of its own', key(`group: !x ${SECRET}`), 'line 3: not valid YAML ('],
    ['a merge key', key(`<<: {group: x}`, SECRETS), 'line 3: keys[0].<<: unknown member'],
    [
      'a key that is no string',
      key('? [a]', ': b', SECRETS),
      'line 3: not valid YAML (non string key)',
    ],
    ['YAML 1.1', `%YAML 1.1\n---\n${key('status: off', SECRETS)}`, 'keys[0].status: expected'],
    ['nothing', '', '(file): expected an object'],
    ['a list', '- keys', '(file): expected an object'],
    ['a text', SECRET, '(file): expected an object'],
    ['a misspelt member', key('secret: x', SECRETS), 'line 3: keys[0].secret: unknown member'],
    ['a number', 'keys:\n\n- secrets: []\n  credential: 7', 'line 4: keys[0].credential: expected'],
    ['a missing member', `keys:\n\n- ${SECRETS}`, 'line 3: keys[0].credential: expected'],
    ['a bad algorithm', key('algorithm: MD5', SECRETS), 'line 3: keys[0].algorithm: expected'],
    ['no secret', key('secrets:'), 'line 3: keys[0].secrets: expected a list'],
    [
      'a time that is none',
      key('secrets:', `- secret: ${SECRET}`, '  notAfter: 2026-11-01'),
      'line 5: keys[0].secrets[0].notAfter: expected an RFC 3339 time',
    ],
    [
      'a secret that is none',
      key('secrets:', `- secret: ${SECRET}`, `- secret: ${SECRET.slice(4)}`),
      'line 5: keys[0].secrets[1].secret: expected "csk_"',
    ],
    [
      'a variable that is not set',
      key('secrets:', '- secret: env:UNSET'),
      'line 4: keys[0].secrets[0].secret: UNSET is not set',
    ],
    [
      'a file that is not there',
      key('secrets:', '- {id: a,', '   secret: file:absent}'),
      'line 5: keys[0].secrets[0].secret: cannot read',
    ],
    [
      'a credential twice',
      `${key(SECRETS)}\n${key(SECRETS).split('\n').slice(1).join('\n')}`,
      'line 4: keys[1].credential: "orders-service" occurs twice',
    ],
  ])('is refused by file and line: %s', async (_, content, message) => {
    const { code, stdout, stderr } = await verified('bad.yaml', content);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^countersign: verify: [^\n]+\n$/);
    expect(stderr).toContain(`countersign: verify: ${join(directory, 'bad.yaml')}: line `);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(SECRET.slice(4, 30));
  });

  it('is told with exit code 3 where it cannot be read', async () => {
    const { code, stderr } = await run(['verify', '--keys', '/nowhere.yaml'], { env: ENV });
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: 'countersign: verify: cannot read the key file /nowhere.yaml (ENOENT)\n',
    });
  });
});
