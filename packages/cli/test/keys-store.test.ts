import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { file, run, SECRET, temporaryDirectory } from './helpers.js';

const KEYS = (credential: string) =>
  JSON.stringify({ keys: [{ credential, secrets: [{ secret: 'env:NOT_SET_HERE' }] }] });
const GATEWAY = (keys: string) =>
  `keys: ${keys}\nhosts: [a.example]\nproxy: {listen: "127.0.0.1:0", upstream: {origins: ["http://127.0.0.1:9"]}}\n`;
const KEK = `ckek_${Buffer.alloc(32, 3).toString('base64url')}`;

/** A directory with a key file for each way to name one. */
function home() {
  const cwd = temporaryDirectory();
  for (const name of ['flag', 'env', 'config', 'default']) file(cwd, `${name}.json`, KEYS(name));
  file(cwd, 'other.yaml', GATEWAY('{file: config.json}'));
  file(cwd, 'gateway.yaml', GATEWAY('{file: default.json}'));
  return cwd;
}

async function credentialOf(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await run(['keys', 'list', '--json', ...args], {
    env,
    cwd: home(),
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout)[0].credential;
}

/** How a command is refused. */
async function refusal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = temporaryDirectory(),
) {
  const { code, stdout, stderr } = await run(['keys', ...args], { env, cwd });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^countersign: keys \w+: [^\n]+\n$/);
  return stderr;
}

describe('which store', () => {
  const env = { COUNTERSIGN_KEYS: 'env.json', COUNTERSIGN_GATEWAY_CONFIG: 'other.yaml' };

  it('is that of the option, then of the environment, then of the configuration', async () => {
    expect(await credentialOf(['--keys', 'flag.json'], env)).toBe('flag');
    expect(await credentialOf(['--config', 'other.yaml'], env)).toBe('config');
    expect(await credentialOf([], env)).toBe('env');
    expect(await credentialOf([], { ...env, COUNTERSIGN_KEYS: '' })).toBe('config');
    expect(await credentialOf([])).toBe('default');
  });

  it.each([
    [['--keys', 'a', '--redis', 'b'], {}, '--keys and --redis name two key stores'],
    [
      [],
      { COUNTERSIGN_KEYS: 'a', COUNTERSIGN_KEYS_POSTGRES: 'b' },
      'COUNTERSIGN_KEYS and COUNTERSIGN_KEYS_POSTGRES name two',
    ],
    [['--keys', 'a', '--prefix', 'p'], {}, '--prefix: goes with Redis'],
    [['--keys', 'a', '--table', 't'], {}, '--table: goes with PostgreSQL'],
    [[], {}, 'no key store: give --keys, --redis or --postgres'],
    [['--redis', 'redis://a'], {}, 'set COUNTERSIGN_ENCRYPTION_KEYS'],
  ])('is asked for where %j %j is not one', async (args, given, message) => {
    expect(await refusal(['list', ...args], given as Record<string, string>)).toContain(message);
  });

  it.each([KEK, '1:ckek_', `1:${KEK.slice(0, -4)}`, `1:${KEK},1:${KEK}`, `1:${KEK},`])(
    'needs keys to encrypt with in their form: %s',
    async (keys) => {
      const stderr = await refusal(['list', '--redis', 'redis://127.0.0.1:1'], {
        COUNTERSIGN_ENCRYPTION_KEYS: keys,
      });
      expect(stderr).toContain('COUNTERSIGN_ENCRYPTION_KEYS: ');
      expect(stderr).not.toContain(KEK.slice(0, 20));
    },
  );

  it.each([
    ['--redis', 'http://user:hidden@a'],
    ['--redis', 'hidden'],
    ['--postgres', 'http://user:hidden@a'],
    ['--postgres', 'hidden'],
  ])('is named by a URL: %s %s', async (option, url) => {
    const stderr = await refusal(['list', option, url], {
      COUNTERSIGN_ENCRYPTION_KEYS: `1:${KEK}`,
    });
    expect(stderr).toContain(`${option}: expected a URL such as ${option.slice(2)}://`);
    expect(stderr).not.toContain('hidden');
  });
});

it('is not opened where the order of the keys to encrypt with is lost', async () => {
  const cwd = temporaryDirectory();
  const keys = '{redis: "redis://127.0.0.1:1", encryption: {2027: env:NEW, 2026: env:OLD}}';
  file(cwd, 'gateway.yaml', GATEWAY(keys));
  expect(await refusal(['list'], { NEW: KEK, OLD: KEK }, cwd)).toContain('keys.encryption: an id');
});

it.each([
  `{${KEK}: env:NOT_SET}`,
  `{${KEK}: }`,
  `{a: {${KEK}: b}}`,
  `{a: "env:${KEK}"}`,
  `{a: "file:${KEK}"}`,
])('does not repeat a key to encrypt with: %s', async (encryption) => {
  const cwd = temporaryDirectory();
  file(cwd, 'gateway.yaml', GATEWAY(`{redis: "redis://127.0.0.1:1", encryption: ${encryption}}`));
  const { code, stderr } = await run(['keys', 'list'], { cwd });
  expect(code).toBeGreaterThan(1);
  expect(stderr).toContain('keys.encryption');
  expect(stderr).not.toContain(KEK.slice(5, 20));
});

describe('a store that cannot be changed', () => {
  it('says so: the environment', async () => {
    for (const env of [
      { COUNTERSIGN_KEY_ORDERS: `orders:${SECRET}` },
      { COUNTERSIGN_CREDENTIAL: 'orders', COUNTERSIGN_SECRET: SECRET },
    ]) {
      expect(await refusal(['add', 'a'], env)).toMatch(
        /no key store: .*keys in the environment cannot be changed from here: make a secret with countersign keygen/,
      );
    }
    const cwd = temporaryDirectory();
    file(cwd, 'gateway.yaml', GATEWAY('{environment: true}'));
    expect(await refusal(['add', 'a'], {}, cwd)).toContain('gateway.yaml: keys: keys in the env');
  });

  it('says so: a directory of secrets', async () => {
    const cwd = temporaryDirectory();
    mkdirSync(join(cwd, 'callers'));
    file(cwd, 'gateway.yaml', GATEWAY('{directory: callers}'));
    for (const args of [['--keys', 'callers'], []]) {
      expect(await refusal(['rotate', 'a', ...args], {}, cwd)).toMatch(
        /callers is a directory of secrets, which is mounted and not changed from here: make a secret with countersign keygen/,
      );
    }
  });

  it('says so: a configuration that is broken, or has no keys', async () => {
    const cwd = temporaryDirectory();
    file(cwd, 'broken.yaml', 'keys: 7\n');
    file(cwd, 'none.yaml', 'egress: []\n');
    for (const name of ['broken.yaml', 'none.yaml', 'absent.yaml']) {
      expect(await refusal(['list', '--config', name], {}, cwd)).toContain(`${name}:`);
    }
  });
});

describe('help', () => {
  const COMMANDS = ['list', 'add', 'rotate', 'disable', 'enable', 'remove'];

  it.each([[], ...COMMANDS.map((name) => [name])])('shows examples: keys %s', async (...names) => {
    const { code, stdout } = await run(['keys', ...names, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: countersign ${['keys', ...names].join(' ')} `);
    const examples = stdout.match(/^ {2}\$ .*$/gm) ?? [];
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) {
      expect(example).toContain(['countersign keys', ...names].join(' '));
      expect(example.slice(4)).not.toMatch(/[?*[\];'"]/);
    }
  });

  it.each(['bash', 'zsh', 'fish'])('is completed by %s', async (shell) => {
    const { stdout } = await run(['completion', shell]);
    for (const word of [...COMMANDS, '--overlap', '--secret-id', '--postgres']) {
      expect(stdout).toContain(shell === 'fish' ? word.replace(/^--/, '') : word);
    }
  });
});
