import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from './docs-blocks.js';
import { resultOf, temporaryDirectory } from './helpers.js';

const DEMO = join(ROOT, 'packages/cli/demo/demo.mjs');

async function demo(env: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory();
  const child = spawn(process.execPath, [DEMO], { env: { TMPDIR: directory, ...env } });
  return { ...(await resultOf(child)), left: readdirSync(directory) };
}

it('shows the string to sign, without colours in a pipe, and leaves nothing behind', async () => {
  // What the environment of the reader says of keys is not the demo's.
  const { code, stdout, stderr, left } = await demo({
    PATH: process.env.PATH ?? '',
    COUNTERSIGN_ALGORITHM: 'HMAC-512',
    COUNTERSIGN_CREDENTIAL: 'somebody-else',
  });
  expect({ code, stderr, left }).toEqual({ code: 0, stderr: '', left: [] });
  expect(stdout).toMatch(
    /^ {4}HMAC-256\n {4}orders-service\n {4}POST\n {4}\/v1\/orders\?limit=10&tag=new\n/m,
  );
  expect(stdout).toMatch(/^Next: the quick starts in README\.md/m);
  expect(stdout).not.toContain('\u001b');
  expect(stdout).not.toContain('csk_');
});

it('exits with 1, and says why, if a step does not give what it should', async () => {
  const { code, stdout, stderr, left } = await demo({ PATH: temporaryDirectory() });
  expect({ code, left }).toEqual({ code: 1, left: [] });
  expect(stdout.match(/as it should be$/gm)).toHaveLength(5);
  expect(stdout).toMatch(/^5\. .* expected accepted$/m);
  const line = 'countersign: curl: curl cannot be run (ENOENT); install it, or put it on PATH\n';
  expect(stderr).toBe(line.repeat(2));
});
