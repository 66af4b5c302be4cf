import { readFileSync } from 'node:fs';
import { verdictMatrix } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { ADAPTERS } from './matrix-servers.js';

describe.each(Object.entries(ADAPTERS))('verdict matrix, %s', (name, { page, ...adapter }) => {
  it('gives the verdict of node:http', async () => {
    const started = performance.now();
    const { faults, summary } = await verdictMatrix(adapter);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`verdict matrix, ${name}: ${summary}, ${seconds} s`);
    expect(faults).toEqual([]);
  });

  it('differs nowhere but where its page says', () => {
    const url = new URL(`../../../docs/servers/${page}.md`, import.meta.url);
    const rows = readFileSync(url, 'utf8').match(/^\| `\w+` +\| `\w+` +\|.*$/gm) ?? [];
    const told = rows.map((row) => row.replaceAll(/ +\|/g, ' |')).sort();
    const differs = adapter.differs ?? [];
    expect(told).toEqual(
      differs
        .map(({ expected, actual, why }) => `| \`${expected}\` | \`${actual}\` | ${why} |`)
        .sort(),
    );
  });
});
