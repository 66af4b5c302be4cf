import { Secret } from '@countersign/core';
import { type KeyEntry, type KeySecretEntry, type KeyStore, keyFile } from '@countersign/server';
import { editedJson, readJson } from './key-json.js';

/** A key as it stands in a file: its secrets are `csk_…`, `env:NAME` or `file:PATH`. */
export interface WrittenEntry extends KeyEntry {
  readonly secrets: readonly WrittenSecret[];
}

export interface WrittenSecret extends KeySecretEntry {
  readonly secret: string;
}

/** How a file is read, and written with one key changed. */
export interface KeyTextFormat {
  /** Of a file that is not there yet. */
  readonly empty: string;
  /**
   * Reads a file as a service does, but that each reference stands for some secret: what it refers to may be out of reach here.
   *
   * @throws as `keyFile` does
   */
  check(path: string): KeyStore;
  /** The keys of a text that was checked. */
  entries(text: string): readonly WrittenEntry[];
  /** The text with one key as it is to be, and everything else as it is. */
  edited(text: string, credential: string, key: WrittenEntry | undefined): string;
}

/** The format of a file, by the end of its name. */
export async function formatOf(path: string): Promise<KeyTextFormat> {
  if (!/\.ya?ml$/i.test(path)) {
    return {
      empty: '{\n  "keys": []\n}\n',
      check: (file) => keyFile(file, { parse: (text) => withoutReferences(readJson(text)) }),
      entries: (text) => (readJson(text) as KeyFile).keys,
      edited: editedJson,
    };
  }
  const [{ editedYaml, readYaml }, { yamlKeyFile }] = await Promise.all([
    import('./key-yaml.js'),
    import('../yaml-keys.js'),
  ]);
  return {
    empty: 'keys: []\n',
    check: (file) => yamlKeyFile(file, {}, withoutReferences),
    entries: (text) => (readYaml(text) as KeyFile).keys,
    edited: editedYaml,
  };
}

interface KeyFile {
  readonly keys: readonly WrittenEntry[];
}

const SOME_SECRET = `csk_${Buffer.alloc(32, 1).toString('base64url')}`;
const ENTRY = ['credential', 'algorithm', 'status', 'group', 'secrets'] as const;
const SECRET = ['id', 'secret', 'notBefore', 'notAfter'] as const;

/** The same key with its members in their usual order, and none that is `undefined`. */
export function writtenEntry(key: KeyEntry): WrittenEntry {
  const secrets = key.secrets.map((entry) => {
    const { secret } = entry;
    const text = typeof secret === 'string' ? secret : Secret.from(secret).expose();
    return ordered({ ...entry, secret: text }, SECRET);
  });
  return ordered({ ...key, secrets }, ENTRY);
}

function ordered<T extends object>(value: T, members: readonly (keyof T & string)[]): T {
  const known = members.filter((member) => value[member] !== undefined);
  return Object.fromEntries(known.map((member) => [member, value[member]])) as T;
}

/** The key with some secret for each reference. */
export function withoutReference<T>(value: T): T {
  const { secret } = (value ?? {}) as { readonly secret?: unknown };
  const refers = typeof secret === 'string' && /^(?:env|file):(?!.*csk_)./s.test(secret);
  return refers ? { ...value, secret: SOME_SECRET } : value;
}

/** The same of a file, which may be anything yet. */
function withoutReferences(file: unknown): unknown {
  const { keys } = (file ?? {}) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) return file;
  const seen = keys.map((key: unknown) => {
    const { secrets } = (key ?? {}) as { readonly secrets?: unknown };
    return Array.isArray(secrets)
      ? { ...(key as object), secrets: secrets.map(withoutReference) }
      : key;
  });
  return { ...(file as object), keys: seen };
}
