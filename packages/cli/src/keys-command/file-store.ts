import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import type { KeyEntry, KeyRecord, KeyStore } from '@countersign/server';
import { asUsage, systemCode, unavailable, usage } from '../exit.js';
import { keysOfFile } from '../keys.js';
import { withLock } from './file-lock.js';
import { formatOf, type KeyTextFormat, writtenEntry } from './key-text.js';
import { replaceFile } from './replace-file.js';
import type { KeyListing, WritableKeyStore } from './writable-key-store.js';

// How often a change is begun anew because an editor, which knows of no lock, was faster.
const ATTEMPTS = 5;

/**
 * A key file that is written to. Each change replaces the file as a whole, after the new text has been read as a service will
 * read it; of what is not changed, YAML keeps comments and order, and JSON its indentation. References (`env:NAME`, `file:PATH`)
 * are kept and not followed.
 *
 * @throws CliError if there is a directory
 */
export function fileStore(path: string): WritableKeyStore {
  const there = onFile('read', path, () => statSync(path, { throwIfNoEntry: false }));
  if (there?.isDirectory()) {
    throw usage(
      `${path} is a directory of secrets, which is mounted and not changed from here: make a secret with countersign keygen and put it into the file ${path}/CREDENTIAL where the secrets come from; or keep keys in a file`,
    );
  }
  return new KeyFileStore(path);
}

class KeyFileStore implements WritableKeyStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async find(credential: string): Promise<KeyRecord | undefined> {
    return (await keysOfFile(this.#path)).find(credential);
  }

  async list(): Promise<readonly KeyListing[]> {
    const format = await formatOf(this.#path);
    const text = onFile('read', this.#path, () => readFileSync(this.#path, 'utf8'));
    const store = checked(format, this.#path);
    const credentials = format.entries(text).map(({ credential }) => credential);
    return credentials.sort().flatMap((credential) => {
      const record = store.find(credential) as KeyRecord | undefined;
      return record === undefined ? [] : [listed(record)];
    });
  }

  async change(
    credential: string,
    change: (key: KeyEntry | undefined) => KeyEntry | undefined,
  ): Promise<void> {
    const format = await formatOf(this.#path);
    const path = onFile('write', this.#path, () => targetOf(this.#path));
    const work = () => {
      for (let attempt = 1; !changeOnce(path, format, credential, change); attempt++) {
        if (attempt === ATTEMPTS) throw unavailable(`${path} changes again and again`);
      }
    };
    await withLock(path, work).catch((error: unknown) => throwFor('write', this.#path, error));
  }
}

/** False if the file was changed meanwhile, and nothing was. */
function changeOnce(
  path: string,
  format: KeyTextFormat,
  credential: string,
  change: (key: KeyEntry | undefined) => KeyEntry | undefined,
): boolean {
  const text = readIfThere(path);
  if (text !== undefined) checked(format, path);
  const before = format.entries(text ?? format.empty).find((key) => key.credential === credential);
  const next = change(before);
  if (next === before) return true;
  const after = next && writtenEntry(next);
  const written = format.edited(text ?? format.empty, credential, after);
  return replaceFile(path, written, (draft) => {
    checked(format, draft, path);
    return readIfThere(path) === text;
  });
}

/** The keys of a file, or of a draft of it, that services can use. */
function checked(format: KeyTextFormat, file: string, path: string = file): KeyStore {
  return asUsage(
    () => format.check(file),
    (message) => message.replace(`${file}: `, `${path}: `),
  );
}

function listed({ credential, algorithm, status, group, secrets }: KeyRecord): KeyListing {
  return {
    credential,
    algorithm,
    status,
    group: group ?? undefined,
    secrets: secrets.map(({ id, notBefore, notAfter }) => ({
      id: id ?? undefined,
      notBefore: notBefore ?? undefined,
      notAfter: notAfter ?? undefined,
    })),
  };
}

/** The file itself, if the path is a link: the link stays. */
function targetOf(path: string): string {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
  const target = realpathSync(path);
  if (!statSync(target).isFile()) throw usage(`${path} is no file`);
  return target;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function onFile<T>(what: 'read' | 'write', path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    return throwFor(what, path, error);
  }
}

function throwFor(what: 'read' | 'write', path: string, error: unknown): never {
  const code = systemCode(error);
  throw code === undefined ? error : unavailable(`cannot ${what} the key file ${path} (${code})`);
}
