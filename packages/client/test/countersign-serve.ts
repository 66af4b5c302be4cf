import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterAll } from 'vitest';

const BIN = fileURLToPath(new URL('../../cli/dist/bin.js', import.meta.url));

const children: ChildProcess[] = [];
const directories: string[] = [];
afterAll(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null) await Promise.all([once(child, 'exit'), child.kill()]);
  }
  for (const path of directories.splice(0)) rmSync(path, { recursive: true });
});

/** Starts `countersign serve` as built, with the test key, for the rest of the file. Gives its port. */
export async function startServe(host: string, ...options: readonly string[]): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-serve-'));
  directories.push(directory);
  const keys = join(directory, 'keys.json');
  writeFileSync(keys, JSON.stringify({ keys: [TEST_KEY_ENTRY] }));
  const args = ['serve', '--keys', keys, '--host', host, '--port', '0', '--fresh', ...options];
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(/:([0-9]+)\n/.exec(line.toString())?.[1]);
}
