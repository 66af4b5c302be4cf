import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type KeyEntry, type KeyRecord, type KeyStore, staticKeys } from '@countersign/server';

/** A store behind a wire: it answers when it is told to, or fails. */
export class Backend implements KeyStore {
  keys: KeyStore;
  /** What it was asked for. */
  readonly asked: string[] = [];
  mode: 'answers' | 'fails' | 'throws' | 'hangs' | 'at once' = 'answers';
  readonly #waiting: ((answer: KeyRecord | undefined) => void)[] = [];

  constructor(entries: readonly KeyEntry[] = []) {
    this.keys = staticKeys(entries);
  }

  find(credential: string): KeyRecord | undefined | Promise<KeyRecord | undefined> {
    this.asked.push(credential);
    if (this.mode === 'throws') throw new Error('connection lost');
    if (this.mode === 'fails') return Promise.reject(new Error('connection lost'));
    if (this.mode === 'hangs') return new Promise((resolve) => this.#waiting.push(resolve));
    const record = this.keys.find(credential);
    return this.mode === 'at once' ? record : Promise.resolve(record);
  }

  health(): Promise<void> {
    return this.mode === 'answers' ? Promise.resolve() : Promise.reject(new Error('unwell'));
  }

  /** Answers the lookups that hang. */
  async answer(record: KeyRecord | undefined): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) resolve(record);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Bytes of the heap that are in use. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
