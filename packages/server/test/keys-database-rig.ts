import { Secret } from '@countersign/core';
import type { KeyEntry, KeyRecord } from '@countersign/server';
import {
  type KeyEncryption,
  keyEncryption,
  newKeyEncryptionKey,
  type RedisKeyStore,
} from '@countersign/server/keys/redis';
import { timed } from './nonces-faults.js';

/** Both stores have the same methods. */
export type DatabaseKeyStore = RedisKeyStore;

/** A key as it stands in the database. */
export interface Written {
  readonly entry: string;
  readonly sealed: string;
}

/** A place in a database that holds keys: several stores may be opened on it. */
export interface Place {
  open(encryption?: KeyEncryption): DatabaseKeyStore;
  /** What is written there, past every store. */
  read(credential: string): Promise<Written>;
  put(credential: string, written: Written): Promise<void>;
  /** Everything there, as text. */
  dump(): Promise<string>;
  /** Makes every statement fail. */
  spoil(): Promise<void>;
}

export const KEK = { old: newKeyEncryptionKey(), new: newKeyEncryptionKey() };
export const encryption = keyEncryption({ current: 'old', keys: { old: KEK.old } });

/** Text of a secret made of one byte, 32 times. */
export const secretOf = (byte: number) => Secret.from(new Uint8Array(32).fill(byte)).expose();

export const keyOf = (credential: string, byte = 1): KeyEntry => ({
  credential,
  secrets: [{ secret: secretOf(byte) }],
});

/** True if the secret at this place of the list is the one made of that byte. */
export function hasSecret(record: KeyRecord | undefined, byte: number, at = 0): boolean {
  const mac = Secret.from(secretOf(byte)).sign('HMAC-256', 'text');
  return record?.secrets[at]?.secret.verify('HMAC-256', 'text', mac) === true;
}

/** Makes a store hold exactly these keys. */
export async function holdExactly(store: DatabaseKeyStore, keys: readonly KeyEntry[]) {
  const present = (await store.list()).map(({ credential }) => credential);
  await Promise.all(present.map((credential) => store.change(credential, () => undefined)));
  await Promise.all(keys.map((key) => store.change(key.credential, () => key)));
}

/** What a promise is rejected with, as text. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  return 'it was not rejected';
}

/** Looks up, and tells by how many milliseconds that came late. */
export async function findTimed(store: DatabaseKeyStore, credential: string, deadline: number) {
  const find = () =>
    store.find(credential).then(
      (record) => (record === undefined ? 'unknown' : 'found'),
      () => 'rejected',
    );
  const { result: outcome, late } = await timed(deadline, find);
  return { outcome, late };
}
