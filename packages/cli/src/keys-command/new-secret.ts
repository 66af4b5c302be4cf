import { randomBytes } from 'node:crypto';
import { Secret } from '@countersign/core';
import { type KeyEntry, staticKeys } from '@countersign/server';
import { asUsage, usage } from '../exit.js';
import { recordOf } from './secret-times.js';

/** A new secret as text, 32 random bytes. */
export function newSecret(): string {
  return Secret.from(randomBytes(32)).expose();
}

/** Refuses what the command line says of a key, by the words of the command line, before a store is asked. */
export function checkGiven(key: KeyEntry): void {
  asUsage(
    () => staticKeys([key]),
    (message) =>
      message
        .replace(/^keys\[0\]\.secrets\[0\]\.notAfter:/, '--not-after:')
        .replace(/^keys\[0\]\.secrets\[0\]\.id:/, '--secret-id:')
        .replace(/^keys\[0\]\./, ''),
  );
  const { notAfter } = recordOf(key).secrets[0] ?? {};
  if (typeof notAfter === 'number' && notAfter <= Date.now()) {
    throw usage('--not-after: expected a time that is still to come');
  }
}
