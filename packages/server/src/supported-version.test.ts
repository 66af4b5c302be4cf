import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { needsVersion } from './supported-version.js';

const directory = mkdtempSync(join(tmpdir(), 'countersign-version-'));
afterAll(() => rmSync(directory, { recursive: true }));
const installed = join(directory, 'node_modules', 'express');
mkdirSync(installed, { recursive: true });
writeFileSync(join(installed, 'index.js'), '');
const from = pathToFileURL(join(directory, 'app.mjs')).href;
const install = (version: string) =>
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ name: 'express', version }));

it('takes the versions that an adapter is for, and names another', () => {
  for (const version of ['4.18.0', '5.1.0']) {
    install(version);
    expect(() => needsVersion('express', [4, 5], from)).not.toThrow();
  }
  install('3.21.2');
  expect(() => needsVersion('express', [4, 5], from)).toThrow(
    'express 3.21.2 is not supported: this adapter is for version 4 or 5',
  );
});

it('lets pass what it cannot find', () => {
  expect(() => needsVersion('no-such-framework', [1], from)).not.toThrow();
});
