import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { blocksOf, ROOT } from './docs-blocks.js';

const markdown = readFileSync(join(ROOT, 'docs/servers/nestjs.md'), 'utf8');

it('docs/servers/nestjs.md compiles without a complaint, by the command it gives', async () => {
  const [, command = ''] = /`npx (tsc server\.ts [^`]+)`/.exec(markdown) ?? [];
  const example = blocksOf(markdown).find(({ hint }) => hint === 'file=server.ts');
  const cache = join(ROOT, 'packages/server/.cache'); // where the frameworks are found
  await mkdir(cache, { recursive: true });
  const cwd = await mkdtemp(join(cache, 'docs-'));
  try {
    await writeFile(join(cwd, 'server.ts'), example?.text ?? '');
    const [program = '', ...args] = command.split(' ');
    const path = join(ROOT, 'node_modules/.bin', program);
    const compiled = await promisify(execFile)(path, [...args, '--strict'], { cwd }).catch(
      ({ stdout }) => ({ stdout }),
    );
    expect(compiled.stdout).toBe('');
    expect(await readFile(join(cwd, 'server.js'), 'utf8')).toContain('"design:paramtypes"');
  } finally {
    await rm(cwd, { recursive: true });
  }
}, 60_000);
