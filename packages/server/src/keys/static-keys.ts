import { type Algorithm, CREDENTIAL, isAlgorithm, Secret } from '@countersign/core';
import type { KeyRecord, KeySecret, KeyStore } from './key-store.js';
import { parseRfc3339 } from './rfc3339.js';

/** A key as it is written down. */
export interface KeyEntry {
  readonly credential: string;
  /** `HMAC-256` unless said otherwise. */
  readonly algorithm?: Algorithm | undefined;
  /** `active` unless said otherwise. */
  readonly status?: 'active' | 'disabled' | undefined;
  readonly group?: string | undefined;
  readonly secrets: readonly KeySecretEntry[];
}

/** A secret as it is written down. */
export interface KeySecretEntry {
  readonly id?: string | undefined;
  /** `csk_…`, or at least 32 bytes. */
  readonly secret: string | Uint8Array | Secret;
  /** RFC 3339. */
  readonly notBefore?: string | undefined;
  /** RFC 3339. */
  readonly notAfter?: string | undefined;
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * A key store that holds what it is given.
 *
 * @throws TypeError or RangeError that names the path of the bad value, such as `keys[0].secrets[1].notAfter`
 * @example staticKeys([{ credential: 'orders-service', secrets: [{ secret: 'csk_…' }] }])
 */
export function staticKeys(entries: readonly KeyEntry[]): KeyStore {
  const records = parseKeys(entries, 'keys');
  return { find: (credential) => records.get(credential) };
}

/** Checks a list of keys. `resolve` turns a text such as `env:NAME` into the secret it stands for. */
export function parseKeys(
  value: unknown,
  path: string,
  resolve: (secret: unknown, path: string) => unknown = (secret) => secret,
): ReadonlyMap<string, KeyRecord> {
  const records = new Map<string, KeyRecord>();
  for (const [i, item] of list(value, path).entries()) {
    const at = `${path}[${i}]`;
    const key = members(item, at, ['credential', 'algorithm', 'status', 'group', 'secrets']);
    const credential = key.credential;
    if (typeof credential !== 'string' || !CREDENTIAL.test(credential)) {
      throw new TypeError(`${at}.credential: expected 1–128 characters of A-Z a-z 0-9 . _ -`);
    }
    if (credential.startsWith('csk_')) {
      throw new TypeError(`${at}.credential: this looks like a secret, and it is sent in clear`);
    }
    if (records.has(credential))
      throw new TypeError(`${at}.credential: "${credential}" occurs twice`);
    const { algorithm = 'HMAC-256', status = 'active', group } = key;
    if (!isAlgorithm(algorithm)) {
      throw new TypeError(`${at}.algorithm: expected "HMAC-256" or "HMAC-512"`);
    }
    if (status !== 'active' && status !== 'disabled') {
      throw new TypeError(`${at}.status: expected "active" or "disabled"`);
    }
    const secrets = parseSecrets(key.secrets, `${at}.secrets`, resolve);
    records.set(
      credential,
      Object.freeze({ credential, algorithm, status, group: name(group, `${at}.group`), secrets }),
    );
  }
  return records;
}

function parseSecrets(
  value: unknown,
  path: string,
  resolve: (secret: unknown, path: string) => unknown,
): readonly KeySecret[] {
  const ids = new Set<string>();
  const secrets = list(value, path).map((item, i): KeySecret => {
    const at = `${path}[${i}]`;
    const entry = members(item, at, ['id', 'secret', 'notBefore', 'notAfter']);
    const id = name(entry.id, `${at}.id`);
    if (id !== undefined && ids.has(id)) throw new TypeError(`${at}.id: occurs twice in this list`);
    if (id !== undefined) ids.add(id);
    const notBefore = time(entry.notBefore, `${at}.notBefore`);
    const notAfter = time(entry.notAfter, `${at}.notAfter`);
    if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
      throw new RangeError(`${at}.notAfter: expected a time after notBefore`);
    }
    const secret = parseSecret(resolve(entry.secret, `${at}.secret`), `${at}.secret`);
    return Object.freeze({ id, secret, notBefore, notAfter });
  });
  if (secrets.length === 0) throw new TypeError(`${path}: expected at least one secret`);
  return Object.freeze(secrets);
}

function parseSecret(value: unknown, path: string): Secret {
  try {
    return Secret.from(value as string);
  } catch (error) {
    const message = (error as Error).message.replace(/^secret: /, '');
    throw error instanceof RangeError
      ? new RangeError(`${path}: ${message}`)
      : new TypeError(`${path}: ${message}`);
  }
}

function list(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${path}: expected a list`);
  return value;
}

/** The members of an object, none of them unknown: a misspelt "notAfter" must not mean "for ever". */
export function members(
  value: unknown,
  path: string,
  known: readonly string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${path}: expected an object`);
  }
  for (const member of Object.keys(value)) {
    if (!known.includes(member)) {
      const name = member.includes('csk_') ? '[secret]' : member;
      throw new TypeError(`${path}.${name}: unknown member; known are ${known.join(', ')}`);
    }
  }
  return value as Record<string, unknown>;
}

function name(value: unknown, path: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && NAME.test(value)) return value;
  throw new TypeError(`${path}: expected 1–128 characters of A-Z a-z 0-9 . _ -`);
}

function time(value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined;
  const milliseconds = typeof value === 'string' ? parseRfc3339(value) : undefined;
  if (milliseconds === undefined) {
    throw new TypeError(`${path}: expected an RFC 3339 time such as "2026-11-01T00:00:00Z"`);
  }
  return milliseconds;
}
