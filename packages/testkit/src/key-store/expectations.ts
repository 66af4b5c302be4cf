import { type Algorithm, Secret } from '@countersign/core';
import type { KeyEntry, KeyRecord, KeyStore } from '@countersign/server';
import { expectOneOf, expectThat } from '../contract-check.js';

/** Text of a secret made of one byte, 32 times. */
export const secretOf = (byte: number) => Secret.from(new Uint8Array(32).fill(byte)).expose();
export const keyOf = (credential: string, byte = 1): KeyEntry => ({
  credential,
  secrets: [{ secret: secretOf(byte) }],
});

export async function known(store: KeyStore, credential: string): Promise<KeyRecord> {
  const record = await store.find(credential);
  if (record === undefined || record === null) {
    throw new Error(`${credential}: expected the record of the key, got ${record}`);
  }
  expectOneOf(record.credential, [credential], 'credential of the record that was found');
  return record;
}

export async function expectUnknown(store: KeyStore, credential: string): Promise<void> {
  const record: unknown = await store.find(credential);
  expectThat(record === undefined, `${credential}: no key has it, yet something was found`);
}

/** Throws unless the record has just these secrets, each made of one byte. */
export function expectSecrets(
  record: KeyRecord,
  algorithm: Algorithm,
  bytes: readonly number[],
): void {
  expectOneOf(record.algorithm, [algorithm], `algorithm of ${record.credential}`);
  expectOneOf(record.secrets.length, [bytes.length], `number of secrets of ${record.credential}`);
  for (const [i, byte] of bytes.entries()) {
    const mac = Secret.from(secretOf(byte)).sign(algorithm, 'text');
    expectThat(
      record.secrets[i]?.secret.verify(algorithm, 'text', mac) === true,
      `secret ${i} of ${record.credential} is not the one it was given`,
    );
  }
}
