import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CREDENTIAL,
  file,
  KEY_ENV,
  KEY_FILE,
  resultOf,
  SECRET,
  start,
  startRecorder,
  startService,
  temporaryDirectory,
} from './helpers.js';
import { homeWith, profile } from './profile-home.js';

const OTHER = 'csk_NdkEFjKz1RUtAAoBnV_2r97NMb4FKzD_AKpHYJWn9_A';

describe('the origins of a profile', () => {
  const profiles = {
    a: profile(CREDENTIAL, SECRET, 'https://api.example.com', 'http://localhost:8787'),
  };

  it.each([
    ['https://api.example.com/v1', true],
    ['HTTPS://API.example.com:443/v1', true],
    ['http://localhost:8787', true],
    ['http://api.example.com/', false],
    ['https://api.example.com:444/', false],
    ['https://api.example.com:80/', false],
    ['https://api.example.com./', false],
    ['https://api.example.com.evil.example/', false],
    ['https://evil.example/https://api.example.com', false],
    ['https://evil.example?https://api.example.com/', false],
    ['http://localhost/', false],
    ['http://localhost:8788/', false],
  ])('%s is one of them: %s', async (url, isAllowed) => {
    const { run: runIn } = homeWith({ inUse: 'a', profiles });
    for (const command of [['sign'], ['presign', '--expires-in', '60']]) {
      const { code, stdout, stderr } = await runIn([...command, url]);
      expect(code).toBe(isAllowed ? 0 : 2);
      if (isAllowed) continue;
      expect(stdout).toBe('');
      expect(stderr).toContain(
        `${new URL(url).origin} is not among the origins of the profile "a"`,
      );
    }
  });

  it('hold before curl sends anything, or a body is read', async () => {
    const recorder = await startRecorder();
    const { run: runIn } = homeWith({ inUse: 'a', profiles });
    for (const [args, env] of [
      [[], {}],
      [['--profile', 'a'], KEY_ENV],
      [[], { ...KEY_ENV, COUNTERSIGN_PROFILE: 'a' }],
      [['--profile', 'a', '--credential', 'b'], {}],
    ] as const) {
      const result = await runIn(['curl', ...args, '-d', '@/nowhere', recorder.url], env);
      expect(result).toEqual({
        code: 2,
        stdout: '',
        stderr: `countersign: curl: ${recorder.url} is not among the origins of the profile "a" (https://api.example.com, http://localhost:8787), so nothing was signed or sent\n`,
      });
    }
    await recorder.close();
    expect(recorder.received()).toBe('');
  });

  it('are no matter to a key of the environment alone', async () => {
    const { run: runIn } = homeWith({ inUse: 'a', profiles });
    expect(await runIn(['sign', 'http://elsewhere/'], KEY_ENV)).toMatchObject({ code: 0 });
  });
});

describe('countersign curl --profile', () => {
  it('is accepted, and hides the variable of the secret from curl', async () => {
    const service = await startService([
      '--keys',
      file(temporaryDirectory(), 'keys.json', JSON.stringify(KEY_FILE)),
      '--fresh',
    ]);
    const { run: runIn, directory } = homeWith({
      profiles: { local: profile(CREDENTIAL, 'env:MY_SECRET', service.url) },
    });
    const args = ['curl', '--profile', 'local', '-s', `${service.url}/a`];
    const { stdout } = await runIn(args, { MY_SECRET: SECRET });
    expect(JSON.parse(stdout)).toMatchObject({ credential: CREDENTIAL, target: '/a' });
    await service.stop();

    chmodSync(file(directory, 'curl', '#!/bin/sh\nenv\n'), 0o755);
    const env = { MY_SECRET: SECRET, PATH: `${directory}:${process.env.PATH}` };
    const shown = await runIn(args, { ...env, COUNTERSIGN_SECRET: OTHER });
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('PATH=');
    expect(shown.stdout).not.toMatch(/csk_|MY_SECRET|COUNTERSIGN_SECRET/);
  });
});

it('never shows a stored secret to those who list processes', async () => {
  const recorder = await startRecorder();
  const { directory } = homeWith({ inUse: 'a', profiles: { a: profile(CREDENTIAL, SECRET) } });
  const child = start(['curl', '-s', recorder.url], { env: { XDG_CONFIG_HOME: directory } });
  const ended = resultOf(child);
  await recorder.first;
  const shown = ['cmdline', 'environ'].map((name) => `/proc/${child.pid}/${name}`);
  for (const path of shown.filter((one) => existsSync(one))) {
    expect(readFileSync(path, 'latin1')).not.toContain(SECRET.slice(4));
  }
  child.kill('SIGTERM');
  const { stdout, stderr } = await ended;
  await recorder.close();
  expect(stdout + stderr).not.toContain(SECRET.slice(4));
});
