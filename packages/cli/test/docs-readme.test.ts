import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from './docs-blocks.js';

const read = (file: string) => readFile(join(ROOT, file), 'utf8');

describe.each(['README.md', 'docs/by-hand.md'])('%s', (file) => {
  it('has no block of code that nobody runs', async () => {
    const blocks = blocksOf(await read(file));
    const commands = blocks.filter(
      ({ language, hint }) => language === 'sh' && !/^file=/.test(hint),
    );
    expect(commands.length).toBeGreaterThan(2);
    for (const { hint } of commands) expect(['', 'background']).toContain(hint);
    for (const { language, hint } of blocks.filter(({ hint }) => /^file=/.test(hint))) {
      const name = hint.slice('file='.length);
      const runner = { js: 'node', sh: 'sh', python: 'python3' }[language];
      expect(commands.some(({ text }) => text.includes(`${runner} ${name}`))).toBe(true);
    }
    const code = blocks.filter(({ language }) => !['', 'json', 'sh'].includes(language));
    for (const { hint } of code) expect(hint).toMatch(/^file=/);
  });
});
