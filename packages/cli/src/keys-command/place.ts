import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { StoreOptions } from '../commands/keys.js';
import { systemCode, unavailable, usage } from '../exit.js';
import type { Environment } from '../profile/profile.js';
import { type EncryptionKeys, encryptionKeysOf } from './encryption-keys.js';

/** Where keys are. */
export type Place = FilePlace | DatabasePlace;

export interface FilePlace {
  readonly kind: 'file';
  readonly path: string;
}

export interface DatabasePlace {
  readonly kind: 'redis' | 'postgres';
  readonly url: string;
  /** The prefix in Redis, the table in PostgreSQL; the usual one unless given. */
  readonly within: string | undefined;
  readonly encryption: EncryptionKeys;
  /** What named it, for messages. */
  readonly source: string;
}

interface Named {
  readonly kind: 'file' | 'redis' | 'postgres' | 'config';
  readonly source: string;
  readonly value: string;
}

const NO_STORE =
  'no key store: give --keys, --redis or --postgres, or set COUNTERSIGN_KEYS, COUNTERSIGN_KEYS_REDIS or COUNTERSIGN_KEYS_POSTGRES';
const ENVIRONMENT =
  'keys in the environment cannot be changed from here: make a secret with countersign keygen and set it where the service is configured, then restart it; or keep keys in a file (--keys)';

/** The store that is meant: of an option, else of the environment, else of the configuration of a gateway. */
export async function placeOf(options: StoreOptions, env: Environment): Promise<Place> {
  const named = ofOptions(options) ?? ofEnvironment(env) ?? configOfEnvironment(env) ?? refuse(env);
  const place =
    named.kind === 'config'
      ? await placeOfConfig(named.value, env)
      : placeAt(named.kind, named, encryptionKeysOf.bind(undefined, env));
  const { prefix, table } = options;
  if (prefix !== undefined && place.kind !== 'redis') throw usage('--prefix: goes with Redis');
  if (table !== undefined && place.kind !== 'postgres') {
    throw usage('--table: goes with PostgreSQL');
  }
  const within = prefix ?? table;
  return place.kind === 'file' || within === undefined ? place : { ...place, within };
}

function ofOptions({ keys, redis, postgres, config }: StoreOptions): Named | undefined {
  return one([
    { kind: 'file', source: '--keys', value: keys },
    { kind: 'redis', source: '--redis', value: redis },
    { kind: 'postgres', source: '--postgres', value: postgres },
    { kind: 'config', source: '--config', value: config },
  ]);
}

function ofEnvironment(env: Environment): Named | undefined {
  const { COUNTERSIGN_KEYS, COUNTERSIGN_KEYS_REDIS, COUNTERSIGN_KEYS_POSTGRES } = env;
  return one([
    { kind: 'file', source: 'COUNTERSIGN_KEYS', value: COUNTERSIGN_KEYS || undefined },
    { kind: 'redis', source: 'COUNTERSIGN_KEYS_REDIS', value: COUNTERSIGN_KEYS_REDIS || undefined },
    {
      kind: 'postgres',
      source: 'COUNTERSIGN_KEYS_POSTGRES',
      value: COUNTERSIGN_KEYS_POSTGRES || undefined,
    },
  ]);
}

type Given = Omit<Named, 'value'> & { readonly value: string | undefined };

/** The one that is given. */
function one(all: readonly Given[]): Named | undefined {
  const [first, second] = all.filter((given): given is Named => given.value !== undefined);
  if (first !== undefined && second !== undefined) {
    throw usage(`${first.source} and ${second.source} name two key stores; give one of them`);
  }
  return first;
}

function configOfEnvironment(env: Environment): Named | undefined {
  const given = env.COUNTERSIGN_GATEWAY_CONFIG;
  const value = given || (existsSync('gateway.yaml') ? 'gateway.yaml' : undefined);
  return value === undefined ? undefined : { kind: 'config', source: value, value };
}

function refuse(env: Environment): never {
  const isKey = (name: string) =>
    name === 'COUNTERSIGN_CREDENTIAL' || name.startsWith('COUNTERSIGN_KEY_');
  const inEnvironment = Object.keys(env).some(isKey);
  throw usage(inEnvironment ? `${NO_STORE}; ${ENVIRONMENT}` : NO_STORE);
}

function placeAt(
  kind: Place['kind'],
  { source, value }: Named,
  encryption: () => EncryptionKeys,
): Place {
  if (kind === 'file') return { kind, path: value };
  return { kind, url: value, within: undefined, encryption: encryption(), source };
}

/** The store of a gateway. */
async function placeOfConfig(path: string, env: Environment): Promise<Place> {
  const { readConfig } = await import('@countersign/gateway');
  let keys: ReturnType<typeof readConfig>['config']['keys'];
  try {
    ({ keys } = readConfig(path).config);
  } catch (error) {
    throw usage((error as Error).message);
  }
  if (keys?.environment) throw usage(`${path}: keys: ${ENVIRONMENT}`);
  // Of a directory it is told that it cannot be changed.
  const file = keys?.file ?? keys?.directory;
  if (file !== undefined) return { kind: 'file', path: resolve(dirname(path), file) };
  const kind = keys?.redis === undefined ? 'postgres' : 'redis';
  const url = keys?.[kind];
  if (keys === undefined || url === undefined) {
    throw usage(`${path}: has no keys; give --keys, --redis or --postgres`);
  }
  const text = (value: string, at: string) => textOf(value, path, `${path}: keys.${at}`, env);
  // In the order of the file: the schema refuses ids that an object would have before others.
  const pairs = Object.entries(keys.encryption ?? {});
  return {
    kind,
    url: text(url, kind),
    within: keys.prefix ?? keys.table,
    encryption: {
      source: `${path}: keys.encryption`,
      current: pairs[0]?.[0] ?? '',
      keys: Object.fromEntries(pairs.map(([id, key]) => [id, text(key, `encryption.${id}`)])),
    },
    source: `${path}: keys.${kind}`,
  };
}

/** A text of a configuration, or what `env:NAME` or `file:PATH` stands for. */
function textOf(text: string, config: string, at: string, env: Environment): string {
  if (text.startsWith('env:')) {
    const name = text.slice(4);
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (!value) throw usage(`${at}: ${name} is not set in the environment`);
    return value;
  }
  if (!text.startsWith('file:')) return text;
  const path = resolve(dirname(config), text.slice(5));
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw unavailable(`${at}: cannot read ${path} (${systemCode(error)})`);
  }
}
