import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from './docs-blocks.js';
import { end, type Service, save, startService } from './docs-example.js';
import { BIN, KEY_ENV, resultOf, temporaryDirectory } from './helpers.js';

// The page on browsers is run in one, where the bundle is tested.
const PAGES = readdirSync(join(ROOT, 'docs/clients'))
  .filter((name) => name !== 'browser.md')
  .map((name) => `docs/clients/${name}`);

describe.each(PAGES)('%s', (page) => {
  const markdown = readFileSync(join(ROOT, page), 'utf8');
  const directory = temporaryDirectory();
  let service: Service;
  beforeAll(async () => {
    await save(directory, blocksOf(markdown), 'packages/client');
    const options = '--keys keys.json --port $PORT --fresh --sign-responses';
    service = await startService(directory, `${process.execPath} ${BIN} serve ${options}`);
    for (const { hint, text } of blocksOf(markdown)) {
      const name = /^file=(.+)$/.exec(hint)?.[1];
      // The pages name the port that `serve` takes by itself.
      if (name !== undefined) {
        await writeFile(join(directory, name), text.replaceAll(':8787', `:${service.port}`));
      }
    }
  }, 60_000);
  afterAll(() => end(service.child));

  it('takes five minutes to read, and begins with what to install', () => {
    expect(markdown.split(/\s+/).length).toBeLessThan(800); // words
    expect(blocksOf(markdown)[0]?.text).toMatch(/^npm install @countersign\/client/);
  });

  it('has an example that is answered with 200', async () => {
    const commands = blocksOf(markdown).filter(
      ({ language, hint, text }) =>
        language === 'sh' && hint === '' && !text.startsWith('npm install'),
    );
    expect(commands.length).toBeGreaterThan(0);
    for (const { text } of commands) {
      const { code, stdout, stderr } = await resultOf(
        spawn('sh', ['-c', text.replaceAll(':8787', `:${service.port}`)], {
          cwd: directory,
          env: { ...KEY_ENV, PATH: process.env.PATH },
        }),
      );
      expect({ code, stderr, stdout }).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringContaining('200'),
      });
    }
  });
});
