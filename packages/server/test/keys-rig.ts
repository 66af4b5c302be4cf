import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Secret } from '@countersign/core';
import type { KeyEntry, KeyStore, WatchedKeyStore, WatchOptions } from '@countersign/server';
import { afterAll, expect } from 'vitest';

/** Text of a secret made of one byte, 32 times. */
export const secretOf = (byte: number) => Secret.from(new Uint8Array(32).fill(byte)).expose();

export const entryOf = (credential: string, ...bytes: readonly number[]): KeyEntry => ({
  credential,
  secrets: bytes.map((byte) => ({ secret: secretOf(byte) })),
});

/** A key as it is written in JSON. */
export const writtenEntry = ({ secrets, ...entry }: KeyEntry) => ({
  ...entry,
  secrets: secrets.map(({ secret, ...rest }) => ({
    ...rest,
    secret: Secret.from(secret).expose(),
  })),
});

/** A directory that is gone after the tests. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-keys-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** As most editors and every careful program write: beside it, and in its place. */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}~`, text);
  renameSync(`${path}~`, path);
}

/** Which bytes the secrets of a credential are made of; `undefined` if nobody has it. Answers that need waiting are faults. */
export function bytesOf(store: KeyStore, credential: string): readonly number[] | undefined {
  const record = store.find(credential);
  expect(record).not.toBeInstanceOf(Promise);
  if (record === undefined || record instanceof Promise) return undefined;
  return record.secrets.map(
    ({ secret }) => Buffer.from(secret.expose().slice(4), 'base64url')[0] ?? -1,
  );
}

/** Waits for what is to come soon. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`in vain: ${what}`);
    await delay(5);
  }
}

/** A store that looks often, and what it told. */
export interface Watched {
  readonly store: WatchedKeyStore;
  readonly reloads: number;
  readonly errors: readonly string[];
  /** Waits for one more reload than before `change`, and makes the change. */
  reloadAfter(change: () => void): Promise<void>;
  errorAfter(change: () => void): Promise<string>;
}

const open: WatchedKeyStore[] = [];
/** Ends the stores of the tests. */
export function closeStores(): void {
  for (const store of open.splice(0)) store.close();
}

export function watched(make: (options: WatchOptions) => WatchedKeyStore): Watched {
  let reloads = 0;
  const errors: string[] = [];
  const store = make({
    pollInterval: 10,
    onReload: () => {
      reloads++;
    },
    onError: (error) => errors.push(error.message),
  });
  open.push(store);
  return {
    store,
    errors,
    get reloads() {
      return reloads;
    },
    async reloadAfter(change) {
      const before = reloads;
      change();
      await until(() => reloads > before, 'a reload');
    },
    async errorAfter(change) {
      const before = errors.length;
      change();
      await until(() => errors.length > before, 'an error');
      return errors.at(-1) ?? '';
    },
  };
}
