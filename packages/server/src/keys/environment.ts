import { knownOptions } from '../options.js';
import type { KeyRecord, KeyStore } from './key-store.js';
import { writtenKey } from './shared/written-key.js';

/** Which variables are keys. */
export interface EnvironmentKeysOptions {
  /** How their names begin: 1–64 of `A-Z a-z 0-9 _`; `COUNTERSIGN_KEY_` unless said otherwise. */
  readonly prefix?: string | undefined;
}

/**
 * Keys from variables of the environment, read once. Each `COUNTERSIGN_KEY_<NAME>` is a key, whatever its name:
 * `orders-service:csk_…`, with several secrets `orders-service:csk_…,csk_…`, or JSON like that of a key in a key file. `health`
 * rejects if there is none.
 *
 * @param env - such as `process.env`, which is never read unasked
 * @throws TypeError or RangeError that names the option or the variable
 * @example environmentKeys(process.env)
 */
export function environmentKeys(
  env: Readonly<Record<string, string | undefined>>,
  options: EnvironmentKeysOptions = {},
): KeyStore & { health(): void } {
  if (typeof env !== 'object' || env === null) throw new TypeError('env: expected an object');
  knownOptions(options, ['prefix']);
  const prefix = prefixOf(options);
  const records = new Map<string, KeyRecord>();
  const variables = new Map<string, string>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(prefix) || value === undefined) continue;
    const record = keyOf(variable, prefix, value);
    const { credential } = record;
    const other = variables.get(credential);
    if (other !== undefined) {
      throw new TypeError(`${variable}: "${credential}" is the credential of ${other} already`);
    }
    variables.set(credential, variable);
    records.set(credential, record);
  }
  return {
    find: (credential) => records.get(credential),
    health() {
      if (records.size === 0) throw new Error(`no variable begins with ${prefix}`);
    },
  };
}

function prefixOf({ prefix = 'COUNTERSIGN_KEY_' }: EnvironmentKeysOptions): string {
  if (typeof prefix === 'string' && /^[A-Za-z0-9_]{1,64}$/.test(prefix)) return prefix;
  throw new TypeError('prefix: expected 1–64 characters of A-Z a-z 0-9 _');
}

function keyOf(variable: string, prefix: string, value: string): KeyRecord {
  if (variable === prefix) throw new TypeError(`${variable}: expected a name after the prefix`);
  if (typeof value !== 'string') throw new TypeError(`${variable}: expected text`);
  if (value.trimStart().startsWith('{')) return writtenKey(variable, undefined, value, /,/);
  const colon = value.indexOf(':');
  if (colon < 0) {
    throw new TypeError(`${variable}: expected "credential:csk_…" or a key as JSON`);
  }
  return writtenKey(variable, value.slice(0, colon).trim(), value.slice(colon + 1), /,/);
}
