import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './docs-blocks.js';

const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'test-vectors/README.md',
];
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** The fragments that the headings of a document can be linked by. */
function fragmentsOf(markdown: string): string[] {
  const text = markdown.replace(/^```[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(DOCUMENTS)('%s', (file) => {
  it('links to headings that are there', () => {
    for (const [, path = '', fragment = ''] of read(file).matchAll(/\]\(([^)#\s]*)#([^)]+)\)/g)) {
      if (/^https:/.test(path)) continue;
      const target = path === '' ? file : join(dirname(file), path);
      expect(fragmentsOf(read(target))).toContain(fragment);
    }
    expect(fragmentsOf(read(file)).length).toBeGreaterThan(0);
  });
});
