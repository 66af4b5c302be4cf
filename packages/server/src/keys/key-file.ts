import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { KeyStore } from './key-store.js';
import { members, parseKeys } from './static-keys.js';

/** What a key file may refer to besides itself. */
export interface KeyFileOptions {
  /** Where `env:NAME` is looked up, such as `process.env`; none unless given. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Reads the text of the file; JSON unless given. What it throws is passed on, so it must not repeat the text. */
  readonly parse?: ((text: string) => unknown) | undefined;
}

/**
 * Reads a key file (JSON) once: `{"keys":[{"credential":"…","secrets":[{"secret":"csk_…"}]}]}`. A secret may also be
 * `env:NAME`, or `file:PATH` relative to the key file.
 *
 * @throws Error if a file cannot be read; TypeError or RangeError that names the file and the path of the bad value
 * @example keyFile('keys.json', { env: process.env })
 */
export function keyFile(path: string, options: KeyFileOptions = {}): KeyStore {
  const text = readFileSync(path, 'utf8');
  const refer = (secret: unknown, at: string): unknown => {
    if (typeof secret !== 'string') {
      throw new TypeError(`${at}: expected "csk_…", "env:NAME" or "file:PATH"`);
    }
    if (/^(?:env|file):.*csk_/s.test(secret)) {
      throw new TypeError(`${at}: env: and file: take a name, not the secret itself`);
    }
    if (secret.startsWith('env:')) return fromEnvironment(secret.slice(4), at, options.env ?? {});
    if (secret.startsWith('file:')) return fromFile(resolve(dirname(path), secret.slice(5)), at);
    return secret;
  };
  try {
    const file = members((options.parse ?? parseJson)(text), '(file)', ['keys']);
    const records = parseKeys(file.keys, 'keys', refer);
    return { find: (credential) => records.get(credential) };
  } catch (error) {
    (error as Error).message = `${path}: ${(error as Error).message}`;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the text around the fault, which may be a secret.
    const position = / at position [0-9]+(?: \(line [0-9]+ column [0-9]+\))?/.exec(String(error));
    throw new TypeError(`not valid JSON${position?.[0] ?? ''}`);
  }
}

function fromEnvironment(
  variable: string,
  at: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (value === undefined || value === '')
    throw new TypeError(`${at}: ${variable} is not set in the environment`);
  return value;
}

function fromFile(path: string, at: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new TypeError(`${at}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
