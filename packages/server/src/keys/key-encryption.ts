import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { knownOptions } from '../options.js';

/** Encrypts what a store keeps of secrets. Both methods are told what the text belongs to, and it opens for nothing else. */
export interface KeyEncryption {
  /** @param bound - what the text belongs to */
  seal(text: string, bound: string): string;
  /** @throws Error if this was not sealed with a key that is known, was changed, or belongs to something else */
  open(sealed: string, bound: string): string;
}

/** The keys that secrets are encrypted with. */
export interface KeyEncryptionOptions {
  /** The id of the one that is used from now on. */
  readonly current: string;
  /** Each by its id, 1–32 of `A-Z a-z 0-9 _ -`: `ckek_` + base64url of 32 bytes. Those that are not current only open. */
  readonly keys: Readonly<Record<string, string>>;
}

const PREFIX = 'ckek_';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG = { authTagLength: 16 };
const ID = /^[A-Za-z0-9_-]{1,32}$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
// Version, id of the key, IV + ciphertext + tag.
const SEALED = /^ckv1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/;

/**
 * Encrypts secrets with AES-256-GCM under keys of yours, several of which may be known while they are rotated.
 *
 * @throws TypeError that names the option, and repeats no key
 * @example keyEncryption({ current: '2026-11', keys: { '2026-11': process.env.KEY_ENCRYPTION_KEY } })
 */
export function keyEncryption(options: KeyEncryptionOptions): KeyEncryption {
  knownOptions(options, ['current', 'keys']);
  const keys = keysOf(options.keys);
  const { current } = options;
  const currentKey = typeof current === 'string' ? keys.get(current) : undefined;
  if (currentKey === undefined) throw new TypeError('current: expected one of the ids of keys');
  return Object.freeze({
    seal: (text: string, bound: string) => {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, currentKey, iv, TAG).setAAD(boundTo(current, bound));
      const bytes = [iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `ckv1.${current}.${Buffer.concat(bytes).toString('base64url')}`;
    },
    open: (sealed: string, bound: string) => {
      const [, id = '', body = ''] = SEALED.exec(sealed) ?? [];
      if (id === '') throw new Error('what is sealed has another form');
      const key = keys.get(id);
      if (key === undefined) throw new Error(`it is sealed with the key "${id}", which is unknown`);
      return opened(key, bytesOf(body), boundTo(id, bound));
    },
  });
}

/**
 * Makes a new key for {@link keyEncryption}, `ckek_` + base64url of 32 random bytes.
 *
 * @example console.log(newKeyEncryptionKey());
 */
export function newKeyEncryptionKey(): string {
  return PREFIX + randomBytes(KEY_BYTES).toString('base64url');
}

function opened(key: KeyObject, bytes: Buffer | undefined, bound: Buffer): string {
  const end = (bytes?.length ?? 0) - TAG.authTagLength;
  if (bytes === undefined || end < IV_BYTES) throw new Error('what is sealed has another form');
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), TAG)
      .setAAD(bound)
      .setAuthTag(bytes.subarray(end));
    return (
      decipher.update(bytes.subarray(IV_BYTES, end), undefined, 'utf8') + decipher.final('utf8')
    );
  } catch {
    throw new Error('it was changed, belongs to another key, or was sealed with another key');
  }
}

function boundTo(id: string, bound: string): Buffer {
  return Buffer.from(`countersign key 1\n${id}\n${bound}`, 'utf8');
}

/** base64url and nothing that merely decodes. */
function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function keysOf(value: unknown): ReadonlyMap<string, KeyObject> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('keys: expected an object of keys by their ids');
  }
  return new Map(
    Object.entries(value).map(([id, text]) => {
      // What is no id may be a key in the wrong place: it is not repeated.
      if (!ID.test(id) || id.startsWith(PREFIX)) {
        throw new TypeError('keys: an id has 1–32 characters of A-Z a-z 0-9 _ -');
      }
      const body = typeof text === 'string' && text.startsWith(PREFIX) ? text.slice(5) : '';
      const bytes = BASE64URL.test(body) ? bytesOf(body) : undefined;
      if (bytes?.length !== KEY_BYTES) {
        throw new TypeError(`keys.${id}: expected "ckek_" followed by base64url of 32 bytes`);
      }
      return [id, createSecretKey(bytes)] as const;
    }),
  );
}
