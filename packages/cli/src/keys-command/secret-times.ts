import { type KeyEntry, type KeyRecord, staticKeys } from '@countersign/server';
import { usage } from '../exit.js';
import { withoutReference } from './key-text.js';

/** From when and until when each secret of a key is good, in milliseconds since 1970. */
export function recordOf(key: KeyEntry): KeyRecord {
  const seen = { ...key, secrets: key.secrets.map((secret) => withoutReference(secret)) };
  return staticKeys([seen]).find(key.credential) as KeyRecord;
}

/** RFC 3339 in whole seconds, such as `2026-11-01T00:00:00Z`. */
export function timeText(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000) * 1000;
  return new Date(seconds).toISOString().replace('.000Z', 'Z');
}

/** The id that a new secret gets: the one given, else the day, made unlike those there are. */
export function newSecretId(given: string | undefined, key: KeyEntry | undefined): string {
  const taken = new Set(key?.secrets.map(({ id }) => id));
  if (given !== undefined) {
    if (taken.has(given)) throw usage(`--secret-id "${given}": the key has a secret of this id`);
    return given;
  }
  const day = new Date().toISOString().slice(0, 10);
  for (let i = 1; ; i++) {
    const id = i === 1 ? day : `${day}.${i}`;
    if (!taken.has(id)) return id;
  }
}
