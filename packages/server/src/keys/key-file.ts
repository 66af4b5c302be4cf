import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { knownOptions, optionalFunction } from '../options.js';
import type { KeyRecord, KeyStore } from './key-store.js';
import { namedError } from './shared/named-error.js';
import { parseJson } from './shared/parse-json.js';
import { members, parseKeys } from './static-keys.js';

/** What a key file may refer to besides itself. */
export interface KeyFileOptions {
  /** Where `env:NAME` is looked up, such as `process.env`; none unless given. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Reads the text of the file; JSON unless given. What it throws is passed on, so it must not repeat the text. */
  readonly parse?: ((text: string) => unknown) | undefined;
}

export const KEY_FILE_OPTIONS: readonly string[] = ['env', 'parse'];

/**
 * Reads a key file (JSON) once: `{"keys":[{"credential":"…","secrets":[{"secret":"csk_…"}]}]}`. A secret may also be
 * `env:NAME`, or `file:PATH` relative to the key file.
 *
 * @throws Error if a file cannot be read; TypeError or RangeError that names the option, or the file and the path of the bad
 *   value
 * @example keyFile('keys.json', { env: process.env })
 */
export function keyFile(path: string, options: KeyFileOptions = {}): KeyStore {
  knownOptions(options, KEY_FILE_OPTIONS);
  const records = readKeyFile(path, checkKeyFileOptions(options), (file) =>
    readFileSync(file, 'utf8'),
  );
  return { find: (credential) => records.get(credential) };
}

/** @throws TypeError that names the option */
export function checkKeyFileOptions({ env = {}, parse }: KeyFileOptions): Required<KeyFileOptions> {
  if (typeof env !== 'object' || env === null) throw new TypeError('env: expected an object');
  return { env, parse: optionalFunction('parse', parse) ?? parseJson };
}

/** @throws as `keyFile` does */
export function readKeyFile(
  path: string,
  { env = {}, parse = parseJson }: KeyFileOptions,
  read: (path: string) => string,
): ReadonlyMap<string, KeyRecord> {
  const text = read(path);
  const refer = (secret: unknown, at: string): unknown => {
    if (typeof secret !== 'string') {
      throw new TypeError(`${at}: expected "csk_…", "env:NAME" or "file:PATH"`);
    }
    if (/^(?:env|file):.*csk_/s.test(secret)) {
      throw new TypeError(`${at}: env: and file: take a name, not the secret itself`);
    }
    if (secret.startsWith('env:')) return fromEnvironment(secret.slice(4), at, env);
    if (secret.startsWith('file:')) {
      return fromFile(resolve(dirname(path), secret.slice(5)), at, read);
    }
    return secret;
  };
  try {
    const file = members(parse(text), '(file)', ['keys']);
    return parseKeys(file.keys, 'keys', refer);
  } catch (error) {
    throw namedError(path, error);
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

function fromFile(path: string, at: string, read: (path: string) => string): string {
  try {
    return read(path).trim();
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'not a regular file';
    throw new TypeError(`${at}: cannot read ${path} (${why})`);
  }
}
