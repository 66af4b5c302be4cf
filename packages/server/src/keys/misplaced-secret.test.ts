import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyFile, staticKeys } from '@countersign/server';
import { afterAll, expect, it } from 'vitest';

const SECRET = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const directory = mkdtempSync(join(tmpdir(), 'countersign-keys-'));
afterAll(() => rmSync(directory, { recursive: true }));

// Whoever edits a key file puts the secret one line too high or too low some day; the log must not have it then.
it.each([
  ['in the place of a variable', { credential: 'a', secrets: [{ secret: `env:${SECRET}` }] }],
  ['in the place of a path', { credential: 'a', secrets: [{ secret: `file:./${SECRET}` }] }],
  ['as a member', { credential: 'a', [SECRET]: true, secrets: [{ secret: SECRET }] }],
  ['as a credential', { credential: SECRET, secrets: [{ secret: SECRET }] }],
  [
    'as an id, twice',
    {
      credential: 'a',
      secrets: [
        { id: SECRET, secret: SECRET },
        { id: SECRET, secret: SECRET },
      ],
    },
  ],
])('a secret that is %s is refused and not repeated', (_where, key) => {
  const path = join(directory, 'keys.json');
  writeFileSync(path, JSON.stringify({ keys: [key] }));
  for (const read of [() => keyFile(path), () => staticKeys([key as never])]) {
    let error: unknown;
    try {
      read();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect(String((error as Error).stack)).toContain('keys[0]');
    expect(`${(error as Error).message}\n${(error as Error).stack}`).not.toContain('AAECAwQF');
  }
});
