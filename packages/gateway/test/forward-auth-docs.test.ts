import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '@countersign/test-servers';
import { signedRequest, TEST_KEY, Wire, withBody, withHeader } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProxyName, startProxy } from './forward-auth-rig.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = await readFile(join(root, 'docs/forward-auth.md'), 'utf8');
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** Runs a file of the page, against what was built, on another port; resolves with the port once it listens. */
async function run(directory: string, file: string, written: number): Promise<number> {
  const [, code = ''] =
    new RegExp(`^\`\`\`js file=${file}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page) ?? [];
  const port = await freePort();
  expect(code).toContain(`listen(${written}, `);
  await writeFile(join(directory, file), code.replace(`listen(${written}`, `listen(${port}`));
  const child = spawn(process.execPath, [file], { cwd: directory, stdio: 'inherit' });
  closers.push(async () => {
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  });
  while (child.exitCode === null) {
    const wire = await Wire.open(port).catch(() => undefined);
    wire?.socket.destroy();
    if (wire !== undefined) return port;
    await delay(20);
  }
  throw new Error(`${file} ended with ${child.exitCode}`);
}

describe('docs/forward-auth.md', () => {
  const ports = { endpoint: 0, service: 0 };
  beforeAll(async () => {
    await mkdir(join(root, '.cache'), { recursive: true });
    const directory = await mkdtemp(join(root, '.cache/forward-auth-'));
    closers.push(() => rm(directory, { recursive: true, force: true }));
    const keys = [{ credential: TEST_KEY.credential, secrets: [{ secret: TEST_KEY.secret }] }];
    await writeFile(join(directory, 'keys.json'), JSON.stringify({ keys }), { mode: 0o600 });
    ports.service = await run(directory, 'service.mjs', 3000);
    ports.endpoint = await run(directory, 'endpoint.mjs', 9000);
    await delay(1_100); // an endpoint cannot know what an earlier one accepted in the second of its start
  }, 60_000);

  it.each<ProxyName>(['nginx', 'Caddy', 'HAProxy'])(
    'holds behind %s',
    async (name) => {
      const port = await startProxy(name, ports);
      const ask = async (view: ReturnType<typeof signedRequest>) => {
        const wire = await Wire.open(port);
        const { status, headers, body } = await wire.write(view).reply(view.method);
        wire.socket.destroy();
        return status === 200 ? body : `${status} ${headers.get('x-countersign-code')}`;
      };
      const url = 'https://api.example.test/v1/orders';
      const get = signedRequest({ url });
      const post = () => signedRequest({ url, method: 'POST', body: 'hello' });
      expect(await ask(get)).toBe(`${TEST_KEY.credential} sent 0 bytes\n`);
      expect(await ask(get)).toBe('401 nonce_replayed');
      expect(await ask(post())).toBe(`${TEST_KEY.credential} sent 5 bytes\n`);
      expect(await ask(withBody(post(), 'HELLO'))).toMatch(/^401/);
      expect(
        await ask(withBody(withHeader(signedRequest({ url }), 'content-length', '0'), 'x')),
      ).toBe('401 digest_missing');
    },
    120_000,
  );

  it('names every field and code of the endpoint', async () => {
    const sources = ['original-request.ts', 'answer.ts', 'fault.ts'].map((file) =>
      readFile(join(root, 'packages/gateway/src/forward-auth', file), 'utf8'),
    );
    const text = (await Promise.all(sources)).join('');
    const fields = text.match(/'X-(Original|Countersign)-[\w-]+'/g) ?? [];
    const codes = text.match(/^ {2}\| '\w+'/gm) ?? [];
    expect([fields.length > 9, codes.length]).toEqual([true, 8]);
    for (const name of [...fields, ...codes]) {
      expect(page).toContain(`\`${name.replace(/^ {2}\| /, '').replaceAll("'", '')}\``);
    }
  });

  it('takes five minutes to read', () => {
    expect(page.split('## What it answers')[0]?.split(/\s+/).length).toBeLessThan(1_000);
  });
});
