import { spawn } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from './docs-blocks.js';
import {
  CREDENTIAL,
  file,
  KEY_ENV,
  KEY_FILE,
  resultOf,
  SECRET,
  type Service,
  startService,
  temporaryDirectory,
} from './helpers.js';

// One, two and no characters of padding have to be put back before such a secret can be decoded.
const OTHERS = [33, 34, 64].map((bytes) => ({
  credential: `of-${bytes}-bytes`,
  secret: `csk_${Buffer.alloc(bytes, 0xfb).toString('base64url')}`,
}));
const directory = temporaryDirectory();
const shims = temporaryDirectory();
const argumentsOfCurl = join(shims, 'arguments');
let service: Service;
let host: string;

beforeAll(async () => {
  const markdown = readFileSync(join(ROOT, 'docs/by-hand.md'), 'utf8');
  for (const { hint, text } of blocksOf(markdown)) {
    const name = /^file=(.+)$/.exec(hint)?.[1];
    if (name !== undefined) file(directory, name, text);
  }
  // Writes down what ps would show of curl, and runs the real one.
  const path = process.env.PATH ?? '';
  const shim = `#!/bin/sh\nprintf '%s\\n' "$@" >> '${argumentsOfCurl}'\nPATH='${path}' exec curl "$@"\n`;
  chmodSync(file(shims, 'curl', shim), 0o755);
  const others = OTHERS.map(({ credential, secret }) => ({ credential, secrets: [{ secret }] }));
  const keys = file(
    directory,
    'keys.json',
    JSON.stringify({ keys: [...KEY_FILE.keys, ...others] }),
  );
  service = await startService(['--keys', keys]);
  host = `127.0.0.1:${service.port}`;
});

afterAll(() => service.stop());

async function byHand(command: readonly string[], env: Readonly<Record<string, string>> = KEY_ENV) {
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: directory,
    env: { ...env, PATH: `${shims}:${process.env.PATH}` },
  });
  const { code, stdout, stderr } = await resultOf(child);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe.each(['sh', 'bash'])('sign.sh under %s', (shell) => {
  const post = (body: string, env?: Readonly<Record<string, string>>) =>
    byHand([shell, 'sign.sh', 'POST', host, '/v1/orders?limit=10', body], env);

  it('is accepted, every time anew', async () => {
    for (const body of ['{"sku":"A-1","qty":2}', '{"sku":"A-1","qty":2}', '"Zürich\\n\'"']) {
      const answer = JSON.parse(await post(body));
      expect(answer).toMatchObject({ credential: CREDENTIAL, method: 'POST' });
      expect(answer.bodyBytes).toBe(Buffer.byteLength(body));
    }
  });

  it('sends a body that begins with @ as it stands', async () => {
    expect(JSON.parse(await post('@keys.json'))).toMatchObject({ bodyBytes: 10 });
  });

  it.each(OTHERS)('takes the secret $credential', async ({ credential, secret }) => {
    const env = { COUNTERSIGN_CREDENTIAL: credential, COUNTERSIGN_SECRET: secret };
    expect(JSON.parse(await post('{}', env))).toMatchObject({ credential });
  });

  it('is refused with another secret', async () => {
    const env = { ...KEY_ENV, COUNTERSIGN_SECRET: OTHERS[0]?.secret as string };
    expect(JSON.parse(await post('{}', env))).toMatchObject({ code: 'credential_rejected' });
  });
});

it('tells curl neither secret nor signature where ps would show them', async () => {
  await byHand(['sh', 'sign.sh', 'POST', host, '/v1/orders', '{}']);
  const shown = readFileSync(argumentsOfCurl, 'utf8');
  expect(shown).toContain(`http://${host}/v1/orders`);
  expect(shown).not.toMatch(/authorization|signature/i);
  expect(shown).not.toContain(SECRET.slice(4));
  expect(shown).not.toContain(Buffer.from(SECRET.slice(4), 'base64url').toString('hex'));
});

describe('sign.py', () => {
  const get = (env?: Readonly<Record<string, string>>) =>
    byHand(['python3', 'sign.py', host, '/v1/orders/7?limit=10'], env);

  it('is accepted, every time anew', async () => {
    for (let time = 0; time < 2; time++) {
      expect(await get()).toMatch(/^200 \{"credential":"orders-service","method":"GET"/);
    }
  });

  it.each(OTHERS)('takes the secret $credential', async ({ credential, secret }) => {
    const env = { COUNTERSIGN_CREDENTIAL: credential, COUNTERSIGN_SECRET: secret };
    expect(await get(env)).toMatch(/^200 /);
  });

  it('is refused with another secret', async () => {
    const env = { ...KEY_ENV, COUNTERSIGN_SECRET: OTHERS[0]?.secret as string };
    expect(await get(env)).toMatch(/^401 .*"code":"credential_rejected"/);
  });
});
