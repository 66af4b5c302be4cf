import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT } from './docs-blocks.js';
import { type Service, startService } from './helpers.js';

let service: Service;
beforeAll(async () => {
  const keys = join(ROOT, 'test-vectors/keys.json');
  service = await startService(['--keys', keys, '--disclosure', 'full', '--fresh']);
});
afterAll(() => service.stop());

it('answers an implementation in Python, and each bit and field it changes, as that implementation would', async () => {
  const script = fileURLToPath(new URL('other-language.py', import.meta.url));
  const run = promisify(execFile)('python3', [
    script,
    String(service.port),
    join(ROOT, 'test-vectors/keys.json'),
  ]);
  const { stdout } = await run.catch((error) => error);
  expect(stdout).toMatch(/^honest +accepted 9$/m);
  expect(stdout).toMatch(/^replayed +nonce_replayed 9$/m);
  expect(stdout).toMatch(/^2[0-9]{3} requests, 0 disagreements\n$/m);
}, 120_000);
