import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const SERVER = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const CODE = 'COUNTERSIGN_MEMORY_STORE_PER_PROCESS';
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(fileURLToPath(new URL('../dist/processes-', import.meta.url)));
  writeFileSync(
    join(directory, 'main.mjs'),
    `import cluster from 'node:cluster';
     import { memoryNonceStore } from ${JSON.stringify(SERVER)};
     if (cluster.isPrimary && process.argv[2] === 'cluster') cluster.fork();
     else {
       const options = process.argv[3] === 'known' ? { perProcess: true } : {};
       memoryNonceStore(options);
       memoryNonceStore(options);
       setTimeout(() => process.exit(), 20);
     }`,
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

async function warnings(args: readonly string[], env = {}): Promise<number> {
  const options = { env: { ...process.env, ...env } };
  const main = join(directory, 'main.mjs');
  const { stderr } = await promisify(execFile)(process.execPath, [main, ...args], options);
  return stderr.split(CODE).length - 1;
}

it('a worker of node:cluster is warned, once', async () => {
  expect(await warnings(['cluster'])).toBe(1);
});

it('so is an instance of pm2 that is not the first', async () => {
  expect(await warnings(['alone'], { NODE_APP_INSTANCE: '1' })).toBe(1);
});

it('nobody else is, nor who says perProcess', async () => {
  expect(await warnings(['alone'])).toBe(0);
  expect(await warnings(['alone'], { NODE_APP_INSTANCE: '0' })).toBe(0);
  expect(await warnings(['cluster', 'known'])).toBe(0);
  expect(spawnSync(process.execPath, [join(directory, 'main.mjs'), 'alone']).status).toBe(0);
});
