import {
  checkKeyFileOptions,
  KEY_FILE_OPTIONS,
  type KeyFileOptions,
  readKeyFile,
} from './key-file.js';
import { stampOfAll } from './shared/stamp.js';
import {
  knownWatchOptions,
  type WatchedKeyStore,
  WatchedKeys,
  type WatchOptions,
} from './shared/watched-keys.js';

/** What a key file may refer to, and how it is kept up to date. */
export interface WatchKeyFileOptions extends KeyFileOptions, WatchOptions {}

/**
 * Reads a key file as `keyFile` does, and again whenever it changes, or a file that it refers to by `file:`. A change that
 * cannot be used is told, and the keys read before it stay in use; so they do while a file is not there. To shut everybody out,
 * write `{"keys":[]}`. Needs no `close` for the process to end.
 *
 * @throws Error if a file cannot be read at first; TypeError or RangeError that names the option, or the file and the path of
 *   the bad value
 * @example watchKeyFile('keys.json', { env: process.env, onError: (error) => log.error(error.message) })
 */
export function watchKeyFile(path: string, options: WatchKeyFileOptions = {}): WatchedKeyStore {
  knownWatchOptions(options, KEY_FILE_OPTIONS);
  const rules = checkKeyFileOptions(options);
  const load = (reading: { text(path: string): string }) => readKeyFile(path, rules, reading.text);
  return new WatchedKeys({ load, stamp: stampOfAll }, options);
}
