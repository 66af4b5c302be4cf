import { describe, expect, it } from 'vitest';
import { file, run, startService, temporaryDirectory } from './helpers.js';

const directory = temporaryDirectory();

describe('keygen', () => {
  it('prints a key file and nothing else with --json', async () => {
    const { code, stdout, stderr } = await run(['keygen', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { keys, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({});
    expect(keys).toEqual([
      {
        credential: expect.stringMatching(/^key-[a-z]{8}$/),
        algorithm: 'HMAC-256',
        secrets: [{ secret: expect.stringMatching(/^csk_[A-Za-z0-9_-]{43}$/) }],
      },
    ]);
  });

  it('never makes the same key twice', async () => {
    const [one, other] = await Promise.all([run(['keygen', '--json']), run(['keygen', '--json'])]);
    const keyOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout).keys[0];
    expect(keyOf(one).secrets[0].secret).not.toBe(keyOf(other).secrets[0].secret);
    expect(keyOf(one).credential).not.toBe(keyOf(other).credential);
  });

  it('shows people what to set and what to store', async () => {
    const { code, stdout } = await run([
      'keygen',
      '--credential',
      'a.b',
      '--algorithm',
      'HMAC-512',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('Credential: a.b (HMAC-512)\n');
    expect(stdout).toMatch(/^export COUNTERSIGN_CREDENTIAL=a\.b$/m);
    expect(stdout).toMatch(/^export COUNTERSIGN_SECRET=csk_[A-Za-z0-9_-]{43}$/m);
    expect(stdout).toMatch(/^export COUNTERSIGN_ALGORITHM=HMAC-512$/m);
    const { keys } = JSON.parse(stdout.slice(stdout.indexOf('{')));
    expect(stdout).toContain(`export COUNTERSIGN_SECRET=${keys[0].secrets[0].secret}\n`);
  });

  it('refuses a credential that looks like a secret, and does not repeat it', async () => {
    const { code, stdout, stderr } = await run(['keygen', '--credential', 'csk_abc']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/looks like a secret/);
    expect(stderr).not.toContain('csk_abc');
  });

  it('refuses a name that cannot be a credential', async () => {
    expect(await run(['keygen', '--credential', 'a b'])).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'countersign: keygen: --credential "a b": expected 1–128 characters of A-Z a-z 0-9 . _ -\n',
    });
  });

  it.each(['HMAC-256', 'HMAC-512'])(
    'makes a key that serve and curl take: %s',
    async (algorithm) => {
      const { stdout } = await run(['keygen', '--json', '--algorithm', algorithm]);
      const service = await startService(['--keys', file(directory, 'keys.json', stdout)]);
      const [{ credential, secrets }] = JSON.parse(stdout).keys;
      const answer = await run(['curl', '-sS', `http://localhost:${service.port}/a?b=1`], {
        env: {
          COUNTERSIGN_CREDENTIAL: credential,
          COUNTERSIGN_SECRET: secrets[0].secret,
          COUNTERSIGN_ALGORITHM: algorithm,
        },
      });
      await service.stop();
      expect(answer).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(answer.stdout)).toEqual({
        credential,
        method: 'GET',
        target: '/a?b=1',
        signedHeaders: ['date', 'host', 'x-nonce'],
        bodyBytes: 0,
      });
    },
  );
});
