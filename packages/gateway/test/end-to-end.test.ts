import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSigner, signedFetch } from '@countersign/client';
import { freePort } from '@countersign/test-servers';
import { TEST_KEY } from '@countersign/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';

const CLI = fileURLToPath(new URL('../../cli/bin/countersign.js', import.meta.url));

/** Python's own server, which knows nothing of signatures; and what it wrote down. */
async function pythonService(): Promise<{ port: number; seen: () => string }> {
  const port = await freePort();
  const directory = join(folder(), 'www');
  mkdirSync(directory);
  writeFileSync(join(directory, 'orders.json'), '{"id":7}');
  const args = ['-u', '-m', 'http.server', `${port}`, '--bind', '127.0.0.1'];
  const child = spawn('python3', args, { cwd: directory });
  onTestFinished(() => void child.kill());
  let seen = '';
  child.stderr.on('data', (piece) => {
    seen += piece;
  });
  await once(child.stdout, 'data');
  return { port, seen: () => seen };
}

async function curl(url: string): Promise<string> {
  const { credential, secret } = TEST_KEY;
  const env = { ...process.env, COUNTERSIGN_CREDENTIAL: credential, COUNTERSIGN_SECRET: secret };
  const child = spawn(process.execPath, [CLI, 'curl', '-s', url], { env });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  await once(child, 'close');
  return text;
}

it('a Python service is called by curl, by signedFetch and by way of a second gateway', async () => {
  const service = await pythonService();
  const port = await freePort();
  await gatewayOf({
    hosts: [`127.0.0.1:${port}`],
    proxy: { listen: `127.0.0.1:${port}`, upstream: `http://127.0.0.1:${service.port}` },
    policy: { routes: ['GET /orders.json'] },
  });
  const origin = `http://127.0.0.1:${port}`;
  expect(await curl(`${origin}/orders.json`)).toBe('{"id":7}');

  const call = signedFetch(createSigner(TEST_KEY), { origins: [origin] });
  expect(await (await call(`${origin}/orders.json`)).json()).toEqual({ id: 7 });
  expect((await call(`${origin}/secrets.json`)).status).toBe(403);

  const local = await freePort();
  const { credential } = TEST_KEY;
  await gatewayOf({
    egress: [{ listen: `127.0.0.1:${local}`, origin, credential, secret: 'env:SECRET' }],
  });
  const response = await fetch(`http://127.0.0.1:${local}/orders.json`);
  expect([response.status, await response.text()]).toEqual([200, '{"id":7}']);

  expect((await fetch(`${origin}/orders.json`)).status).toBe(401);
  expect(service.seen().match(/GET/g)).toHaveLength(3);
});
