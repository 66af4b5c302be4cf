import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What references in a configuration are looked up in. */
export interface References {
  /** Path of the configuration; `file:` and other paths are relative to it. */
  readonly path: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Is told each file that was read, to look at it when it changes. */
  readonly files: Set<string>;
}

/** A path that the configuration names. */
export function resolvePath({ path }: References, file: string): string {
  return resolve(dirname(path), file);
}

/**
 * A text as it stands, or what `env:NAME` or `file:PATH` stands for.
 *
 * @throws TypeError that begins with `at`, and does not repeat the text
 */
export function textOf(references: References, text: string, at: string): string {
  if (text.startsWith('env:')) {
    const name = text.slice(4);
    const value = Object.hasOwn(references.env, name) ? references.env[name] : undefined;
    if (value === undefined || value === '') {
      throw new TypeError(`${at}: ${name} is not set in the environment`);
    }
    return value;
  }
  if (text.startsWith('file:')) return readText(references, text.slice(5), at).trim();
  return text;
}

/** The content of a file that the configuration names, such as a certificate. */
export function readText(references: References, file: string, at: string): string {
  const path = resolvePath(references, file);
  references.files.add(path);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TypeError(`${at}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
