import { Secret } from '@countersign/core';
import type { KeyEncryption } from '../key-encryption.js';
import type { KeyRecord } from '../key-store.js';
import { type KeyEntry, parseKeys } from '../static-keys.js';
import type { KeyListing } from '../writable-key-store.js';

/** A key as it stands in a database. */
export interface WrittenKey {
  /** JSON: everything but the credential and the secrets, in clear. Not a byte of it may change: the seal covers it. */
  readonly entry: string;
  /** The secrets, in the order of the entry, sealed together with its text and the credential. */
  readonly sealed: string;
}

/** What is opened where there is nothing, so that a credential costs the same whether somebody has it or not. */
const DECOY: KeyEntry = {
  credential: 'nobody',
  secrets: [{ secret: new Uint8Array(32), id: '2026-01', notBefore: '2026-01-01T00:00:00Z' }],
};

/** Turns keys into what is written, and back: checked as every other key is. */
export class KeyWriter {
  readonly #encryption: KeyEncryption;
  readonly #decoy: WrittenKey;

  /** @throws TypeError that names the option `encryption` */
  constructor(encryption: unknown) {
    const { seal, open } = (encryption ?? {}) as Partial<KeyEncryption>;
    if (typeof seal !== 'function' || typeof open !== 'function') {
      throw new TypeError('encryption: expected what keyEncryption made');
    }
    this.#encryption = encryption as KeyEncryption;
    this.#decoy = this.write('nobody', DECOY);
  }

  /** @throws TypeError or RangeError that names the path of the bad value, such as `key[0].secrets[1].notAfter` */
  write(credential: string, key: KeyEntry): WrittenKey {
    const record = parseKeys([key], 'key').get(credential);
    if (record === undefined) {
      throw new TypeError(`key[0].credential: expected "${credential}", whose key is changed`);
    }
    const { algorithm, status, group } = record;
    // The times as they were written: they are read again by the same rules.
    const secrets = key.secrets.map(({ id, notBefore, notAfter }) => ({ id, notBefore, notAfter }));
    const entry = JSON.stringify({ algorithm, status, group, secrets });
    const exposed = record.secrets.map(({ secret }) => secret.expose());
    const sealed = this.#encryption.seal(JSON.stringify(exposed), boundTo(credential, entry));
    return { entry, sealed };
  }

  /** @throws Error that names the credential, if this is not what was written for it */
  find(credential: string, written: WrittenKey | undefined): KeyRecord | undefined {
    if (written !== undefined) return this.#open(credential, written).record;
    this.#open('nobody', this.#decoy);
    return undefined;
  }

  /** The key as it is written down, with secrets that do not show themselves. */
  entry(credential: string, written: WrittenKey): KeyEntry {
    return this.#open(credential, written).entry;
  }

  list(credential: string, written: WrittenKey, lastUsed: number | undefined): KeyListing {
    const { algorithm, status, group, secrets } = this.#open(credential, written).record;
    const shown = secrets.map(({ id, notBefore, notAfter }) => ({
      id,
      notBefore: notBefore ?? undefined,
      notAfter: notAfter ?? undefined,
    }));
    return { credential, algorithm, status, group, secrets: shown, lastUsed };
  }

  #open(credential: string, { entry: text, sealed }: WrittenKey) {
    try {
      const exposed = JSON.parse(this.#encryption.open(sealed, boundTo(credential, text)));
      const entry = { ...JSON.parse(text), credential };
      if (entry.secrets?.length !== exposed.length) throw new Error('it lacks secrets');
      const secrets = exposed.map((secret: string, i: number) => ({
        ...entry.secrets[i],
        secret: Secret.from(secret),
      }));
      const key: KeyEntry = { ...entry, secrets };
      const record = parseKeys([key], 'key').get(credential) as KeyRecord;
      return { entry: key, record };
    } catch (error) {
      // What JSON.parse throws repeats what it was given.
      const why = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message;
      throw new Error(`the key "${credential}" cannot be read: ${why}`);
    }
  }
}

/** Neither of the two can hold a line end in front of the next part. */
function boundTo(credential: string, entry: string): string {
  return `${credential}\n${entry}`;
}
