import type { KeyRecord } from '../key-store.js';

// While the store fails it is asked for a key so often (ms), not for every request.
const RETRY_AFTER = 1_000;

export interface KnownKey {
  readonly record: KeyRecord;
  /** When it was asked for. */
  readonly since: number;
  /** Good until then, and asked for again after it. */
  until: number;
  /** The store failed when it was asked for last. */
  failing: boolean;
}

/**
 * Keys, by credential. Those that are too old stay, so that they are known to be no stranger's invention; when there are too
 * many, the one that was asked for least recently goes, and only for another key.
 */
export class KnownKeys {
  readonly #ttl: number;
  readonly #staleIfError: number;
  readonly #capacity: number;
  readonly #entries = new Map<string, KnownKey>();

  /** Times in milliseconds. */
  constructor(ttl: number, staleIfError: number, capacity: number) {
    this.#ttl = ttl;
    this.#staleIfError = staleIfError;
    this.#capacity = capacity;
  }

  get(credential: string): KnownKey | undefined {
    return this.#entries.get(credential);
  }

  /** False for a time before it was asked for too: a clock that goes back makes nothing young again. */
  isFresh({ since, until }: KnownKey, now: number): boolean {
    return now >= since && now < until;
  }

  set(record: KeyRecord, since: number): void {
    const { credential } = record;
    // A map is in the order in which its members were put in: the first was asked for least recently.
    this.#entries.delete(credential);
    this.#entries.set(credential, { record, since, until: since + this.#ttl, failing: false });
    if (this.#entries.size > this.#capacity) dropFirst(this.#entries);
  }

  delete(credential: string): void {
    this.#entries.delete(credential);
  }

  /** The key, if it may be used although it could not be asked for. */
  afterError(credential: string, now: number): KeyRecord | undefined {
    const entry = this.#entries.get(credential);
    if (entry === undefined || !this.#isUsable(entry, now)) return undefined;
    entry.failing = true;
    entry.until = Math.min(now + RETRY_AFTER, this.#last(entry));
    return entry.record;
  }

  /** The key, if the store failed before: then nobody has to wait for it to fail again. */
  whileFailing(entry: KnownKey, now: number): KeyRecord | undefined {
    return entry.failing && this.#isUsable(entry, now) ? entry.record : undefined;
  }

  #isUsable(entry: KnownKey, now: number): boolean {
    return now >= entry.since && now < this.#last(entry);
  }

  #last({ since }: KnownKey): number {
    return since + this.#ttl + this.#staleIfError;
  }
}

/** Credentials that no key has. A stranger chooses them, so they are bounded, and the oldest goes first. */
export class UnknownCredentials {
  readonly #ttl: number;
  readonly #capacity: number;
  readonly #since = new Map<string, number>();

  /** Times in milliseconds. */
  constructor(ttl: number, capacity: number) {
    this.#ttl = ttl;
    this.#capacity = capacity;
  }

  has(credential: string, now: number): boolean {
    const since = this.#since.get(credential);
    return since !== undefined && now >= since && now < since + this.#ttl;
  }

  add(credential: string, since: number): void {
    if (this.#ttl === 0) return;
    this.#since.delete(credential);
    this.#since.set(copyOf(credential), since);
    if (this.#since.size > this.#capacity) dropFirst(this.#since);
  }

  delete(credential: string): void {
    this.#since.delete(credential);
  }
}

/** A part of a text keeps the whole of it in memory: here the header field, 4 KiB of a stranger's choice. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

function dropFirst(map: Map<string, unknown>): void {
  const { value } = map.keys().next();
  if (value !== undefined) map.delete(value);
}
