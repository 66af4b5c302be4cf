import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CREDENTIAL, file, KEY_ENV, run, SECRET, temporaryDirectory } from './helpers.js';
import { homeWith, profile } from './profile-home.js';

const OTHER = 'csk_NdkEFjKz1RUtAAoBnV_2r97NMb4FKzD_AKpHYJWn9_A';
const SECRETS: Readonly<Record<string, string>> = { [CREDENTIAL]: SECRET, flag: OTHER };

/** Who signed what `sign` printed, and with which secret. */
async function signedBy(result: Awaited<ReturnType<typeof run>>) {
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(result.stdout)?.[1] ?? '';
  const [, scheme, credential] = /^(\S+) Credential=([^,]+)/.exec(field('Authorization')) ?? [];
  const fixed = ['--date', field('Date'), '--nonce', field('X-Nonce'), '--algorithm', scheme ?? ''];
  for (const [name, secret] of Object.entries(SECRETS)) {
    const env = { COUNTERSIGN_CREDENTIAL: credential ?? '', COUNTERSIGN_SECRET: secret };
    const again = await run(['sign', 'http://a/', ...fixed], { env });
    if (again.stdout === result.stdout)
      return `${credential} with the secret of ${name}, ${scheme}`;
  }
  return 'with no secret that is known';
}

describe('which key signs', () => {
  const profiles = {
    orders: profile(CREDENTIAL, SECRET),
    long: { ...profile('in-file', OTHER), algorithm: 'HMAC-512' },
    reference: profile('by-env', 'env:MY_SECRET'),
  };
  const flagSecret = file(temporaryDirectory(), 'secret', OTHER);
  const ENV = { COUNTERSIGN_CREDENTIAL: 'in-env', COUNTERSIGN_SECRET: OTHER };
  const from = (name: string, credential: string, scheme = 'HMAC-256') =>
    `${credential} with the secret of ${name}, ${scheme}`;

  it.each<[string, readonly string[], Record<string, string>, string]>([
    ['the profile in use', [], {}, from(CREDENTIAL, CREDENTIAL)],
    ['the environment before that', [], ENV, from('flag', 'in-env')],
    [
      'each variable for itself',
      [],
      { COUNTERSIGN_CREDENTIAL: 'in-env' },
      from(CREDENTIAL, 'in-env'),
    ],
    ['a variable for the secret', [], { COUNTERSIGN_SECRET: OTHER }, from('flag', CREDENTIAL)],
    ['an empty variable is none', [], { COUNTERSIGN_SECRET: '' }, from(CREDENTIAL, CREDENTIAL)],
    [
      'a profile of the environment before the one in use',
      [],
      { COUNTERSIGN_PROFILE: 'long' },
      from('flag', 'in-file', 'HMAC-512'),
    ],
    [
      'a variable before a profile of the environment',
      [],
      { COUNTERSIGN_PROFILE: 'long', COUNTERSIGN_CREDENTIAL: 'in-env' },
      from('flag', 'in-env', 'HMAC-512'),
    ],
    [
      'the algorithm of the environment before that of a profile',
      [],
      { COUNTERSIGN_PROFILE: 'long', COUNTERSIGN_ALGORITHM: 'HMAC-256' },
      from('flag', 'in-file'),
    ],
    [
      '--profile before all of the environment',
      ['--profile', 'orders'],
      { ...ENV, COUNTERSIGN_PROFILE: 'long', COUNTERSIGN_ALGORITHM: 'HMAC-512' },
      from(CREDENTIAL, CREDENTIAL),
    ],
    [
      '--credential before the profile',
      ['--profile', 'orders', '--credential', 'flag'],
      ENV,
      from(CREDENTIAL, 'flag'),
    ],
    [
      '--secret-file before the profile',
      ['--profile', 'orders', '--secret-file', flagSecret],
      {},
      from('flag', CREDENTIAL),
    ],
    [
      '--algorithm before the profile',
      ['--profile', 'orders', '--algorithm', 'HMAC-512'],
      {},
      from(CREDENTIAL, CREDENTIAL, 'HMAC-512'),
    ],
    [
      'both options before the profile in use',
      ['--credential', 'flag', '--secret-file', flagSecret],
      {},
      from('flag', 'flag'),
    ],
    [
      'a secret by reference',
      ['--profile', 'reference'],
      { MY_SECRET: SECRET },
      from(CREDENTIAL, 'by-env'),
    ],
  ])('%s', async (_, args, env, expected) => {
    const { run: runIn } = homeWith({ inUse: 'orders', profiles });
    expect(await signedBy(await runIn(['sign', 'http://a/', ...args], env))).toBe(expected);
  });

  it('is looked up anew each time, where it is in a file', async () => {
    const { run: runIn, directory } = homeWith({
      inUse: 'a',
      profiles: { a: profile(CREDENTIAL, 'file:../later') },
    });
    const path = join(directory, 'later');
    const missing = await runIn(['sign', 'http://a/']);
    expect(missing).toEqual({
      code: 3,
      stdout: '',
      stderr: `countersign: sign: profile "a": cannot read ${path} (ENOENT)\n`,
    });
    for (const [name, secret] of Object.entries(SECRETS)) {
      writeFileSync(path, `${secret}\n`);
      expect(await signedBy(await runIn(['sign', 'http://a/']))).toContain(`secret of ${name},`);
    }
    writeFileSync(path, `${SECRET}!`);
    const bad = await runIn(['sign', 'http://a/']);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain(`profile "a": ${path}: expected "csk_"`);
    expect(bad.stderr).not.toContain(SECRET.slice(4));
  });

  it('is told where there is none', async () => {
    const { run: runIn } = homeWith({ profiles });
    for (const [args, env, message] of [
      [[], {}, 'no credential: set COUNTERSIGN_CREDENTIAL, or give --credential or --profile'],
      [['--profile', 'x'], {}, '--profile "x": there is no such profile; there are long, orders,'],
      [[], { COUNTERSIGN_PROFILE: 'x' }, 'COUNTERSIGN_PROFILE "x": there is no such profile'],
      [['--profile', 'reference'], {}, 'profile "reference": MY_SECRET is not set in the environ'],
    ] as const) {
      const { code, stdout, stderr } = await runIn(['sign', 'http://a/', ...args], env);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`countersign: sign: ${message}`);
    }
  });

  it('is not looked for in the file where nothing of it is needed', async () => {
    const { run: runIn, path } = homeWith({ inUse: 'orders', profiles });
    chmodSync(path, 0o644);
    expect(await runIn(['sign', 'http://a/'], KEY_ENV)).toMatchObject({ code: 0, stderr: '' });
    const { code, stderr } = await runIn(['sign', 'http://a/']);
    expect(code).toBe(2);
    expect(stderr).toContain(`chmod 600 ${path}`);
  });

  it('is none of a profile for verify', async () => {
    const { run: runIn } = homeWith({ inUse: 'orders', profiles });
    const { code, stderr } = await runIn(['verify']);
    expect(code).toBe(2);
    expect(stderr).toContain('no key: give --keys, or set COUNTERSIGN_CREDENTIAL');
  });
});
