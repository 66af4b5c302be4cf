import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CREDENTIAL } from '@countersign/core';
import type { KeyRecord } from './key-store.js';
import type { Reading } from './shared/reading.js';
import { stampOfAll } from './shared/stamp.js';
import {
  knownWatchOptions,
  type WatchedKeyStore,
  WatchedKeys,
  type WatchOptions,
} from './shared/watched-keys.js';
import { writtenKey } from './shared/written-key.js';

/** How a directory of keys is kept up to date. */
export interface KeyDirectoryOptions extends WatchOptions {}

const MOST_FILES = 10_000;

/**
 * Keys from a directory of secret files, as Docker and Kubernetes mount them: the name of a file is the credential, each line
 * of it a secret, or the whole of it JSON like that of a key in a key file, without the credential. Hidden files are left out;
 * links are followed. Read again whenever something changes; a change that cannot be used is told, and the keys read before it
 * stay in use. A file that is gone is a key that is gone; a directory that is gone changes nothing.
 *
 * @throws Error if the directory or a file cannot be read at first; TypeError or RangeError that names the option, or the file
 *   and the path of the bad value
 * @example keyDirectory('/run/secrets/callers', { onError: (error) => log.error(error.message) })
 */
export function keyDirectory(path: string, options: KeyDirectoryOptions = {}): WatchedKeyStore {
  if (typeof path !== 'string' || path === '') throw new TypeError('path: expected a path');
  knownWatchOptions(options, []);
  const load = (reading: Reading) => readDirectory(path, reading);
  return new WatchedKeys({ load, stamp: () => stampOfDirectory(path) }, options);
}

function readDirectory(directory: string, reading: Reading): ReadonlyMap<string, KeyRecord> {
  const records = new Map<string, KeyRecord>();
  const names = visible(readdirSync(directory));
  if (names.length > MOST_FILES) {
    throw new RangeError(`${directory}: expected at most ${MOST_FILES} files`);
  }
  for (const name of names) {
    if (name.includes('csk_')) {
      throw new TypeError(`${directory}: the name of a file looks like a secret`);
    }
    if (!CREDENTIAL.test(name)) {
      throw new TypeError(
        `${directory}: ${JSON.stringify(name)}: expected a name of 1–128 characters of A-Z a-z 0-9 . _ -`,
      );
    }
    const file = join(directory, name);
    records.set(name, writtenKey(file, name, reading.text(file), /\n/));
  }
  return records;
}

async function stampOfDirectory(directory: string): Promise<string> {
  try {
    const names = visible(await readdir(directory)).slice(0, MOST_FILES + 1);
    return `${names.join('/')}\n${await stampOfAll(names.map((name) => join(directory, name)))}`;
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
}

/** Kubernetes keeps its own affairs in `..data` and the like, and editors theirs in `.name.swp`. */
function visible(names: readonly string[]): readonly string[] {
  return names.filter((name) => !name.startsWith('.')).sort();
}
