import { setTimeout as delay } from 'node:timers/promises';
import { linkOf } from '../nonces/redis/recognise.js';
import { knownOptions } from '../options.js';
import {
  checkChange,
  type DatabaseOptions,
  type DatabaseSettings,
  databaseSettings,
  isCredential,
} from './database/database-options.js';
import { KeyWriter, type WrittenKey } from './database/written-key.js';
import type { KeyEncryption } from './key-encryption.js';
import type { KeyRecord } from './key-store.js';
import type { LastUseStore } from './last-use.js';
import { Conversation } from './redis/conversation.js';
import { scanHash } from './redis/scan-hash.js';
import { GET, NOTE, SWAP } from './redis/scripts.js';
import type { KeyEntry } from './static-keys.js';
import type { KeyListing, WritableKeyStore } from './writable-key-store.js';

export {
  type KeyEncryption,
  type KeyEncryptionOptions,
  keyEncryption,
  newKeyEncryptionKey,
} from './key-encryption.js';
export { type LastUse, type LastUseOptions, type LastUseStore, trackLastUse } from './last-use.js';
export type { KeyListing, WritableKeyStore } from './writable-key-store.js';

/** Where a Redis keeps keys, and how they are encrypted. */
export interface RedisKeysOptions extends DatabaseOptions {
  /**
   * A connected client: of `redis` (node-redis) from `createClient`, `createCluster` or `createSentinel`; of `ioredis` a
   * `Redis` (Sentinels included) or a `Cluster`.
   */
  readonly client: object;
  /** What {@link keyEncryption} made. */
  readonly encryption: KeyEncryption;
  /** What its two keys of Redis begin with, 1–64 visible characters of ASCII but braces; `countersign:` unless said otherwise. */
  readonly prefix?: string | undefined;
}

/** A key store that is written to, and remembers when its keys were used. */
export interface RedisKeyStore extends WritableKeyStore, LastUseStore {
  find(credential: string): Promise<KeyRecord | undefined>;
  health(): Promise<void>;
}

// Of uses, how many one script notes (each is two arguments).
const BATCH = 500;

/**
 * Keeps keys in a Redis (7 or later) or Valkey that many processes share, their secrets encrypted. All of them are fields of
 * one hash, so that a list lacks none and a Cluster needs no more than one of its servers for a change; a lookup is one
 * script that reads one field. A change is put in place only of what it was begun on, and begun anew on what another one put
 * there.
 *
 * Whatever is not plainly a reply in time rejects, which a verifier answers with `key_store_unavailable`: so does a field that
 * was changed by hand, swapped with another, or sealed with an unknown key. While the client is not connected, nothing is
 * queued. The server must keep what it is given: `appendonly yes`, `maxmemory-policy noeviction`.
 *
 * Give it a client of its own: one that is silent for four deadlines, or whose replies are out of step, is made to connect
 * anew.
 *
 * @throws TypeError or RangeError that names the option
 * @example
 * const client = await createClient({ url: 'redis://localhost' }).on('error', log).connect();
 * const encryption = keyEncryption({ current: '2026-11', keys: { '2026-11': process.env.KEY_ENCRYPTION_KEY } });
 * const keys = redisKeys({ client, encryption });
 */
export function redisKeys(options: RedisKeysOptions): RedisKeyStore {
  return new RedisKeys(options);
}

class RedisKeys implements RedisKeyStore {
  readonly #settings: DatabaseSettings;
  readonly #writer: KeyWriter;
  readonly #redis: Conversation;
  // Their slot is one, that of the tag.
  readonly #keysKey: string;
  readonly #usedKey: string;

  constructor(options: RedisKeysOptions) {
    knownOptions(options, ['client', 'encryption', 'prefix', 'deadline', 'changeDeadline']);
    const { client, encryption, prefix = 'countersign:' } = options;
    this.#settings = databaseSettings(options);
    this.#keysKey = `${prefixOf(prefix)}{keys}`;
    this.#usedKey = `${this.#keysKey}:used`;
    this.#writer = new KeyWriter(encryption);
    this.#redis = new Conversation(linkOf(client), this.#settings.deadline);
  }

  async find(credential: string): Promise<KeyRecord | undefined> {
    if (!isCredential(credential)) return undefined;
    const text = await this.#get(credential, this.#settings.deadline);
    return this.#writer.find(credential, text === null ? undefined : split(credential, text));
  }

  async health(): Promise<void> {
    await this.#get('', this.#settings.deadline);
  }

  async list(): Promise<readonly KeyListing[]> {
    const due = performance.now() + this.#settings.changeDeadline;
    const scan = (key: string) =>
      scanHash(key, (question) => this.#redis.ask(key, question, left(due)));
    const [keys, used] = [await scan(this.#keysKey), await scan(this.#usedKey)];
    return [...keys]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([credential, text]) =>
        this.#writer.list(credential, split(credential, text), timeOf(used.get(credential))),
      );
  }

  async change(
    credential: string,
    change: (key: KeyEntry | undefined) => KeyEntry | undefined,
  ): Promise<void> {
    checkChange(credential, change);
    const due = performance.now() + this.#settings.changeDeadline;
    for (;;) {
      const before = await this.#get(credential, left(due));
      const written = before === null ? undefined : split(credential, before);
      const next = change(written && this.#writer.entry(credential, written));
      const after = next === undefined ? null : joined(this.#writer.write(credential, next));
      if (before === after || (await this.#swap(credential, before, after, left(due)))) return;
      // Others change it, too: not all of them at once again.
      await delay(Math.random() * 10);
    }
  }

  async noteUses(uses: ReadonlyMap<string, number>): Promise<void> {
    const flat = [...uses].flatMap(([credential, time]) => [credential, `${Math.floor(time)}`]);
    for (let i = 0; i < flat.length; i += 2 * BATCH) {
      const batch = flat.slice(i, i + 2 * BATCH);
      const question = {
        command: (id: string) => ['eval', NOTE, '1', this.#usedKey, id, ...batch],
        read: (reply: unknown, id: string) => (answerTo(id, reply) === 'done' ? true : undefined),
      };
      await this.#redis.ask(this.#usedKey, question, this.#settings.changeDeadline);
    }
  }

  /** The text under a credential, `null` if there is none. */
  #get(credential: string, deadline: number): Promise<string | null> {
    const question = {
      command: (id: string) => ['eval_ro', GET, '1', this.#keysKey, id, credential],
      read: (reply: unknown, id: string) => answerTo(id, reply),
    };
    return this.#redis.ask(this.#keysKey, question, deadline);
  }

  /** False if it was changed by somebody else. */
  async #swap(credential: string, before: string | null, after: string | null, deadline: number) {
    const keys = ['2', this.#keysKey, this.#usedKey];
    const question = {
      command: (id: string) => ['eval', SWAP, ...keys, id, credential, before ?? '', after ?? ''],
      read: (reply: unknown, id: string) => {
        const text = answerTo(id, reply);
        return text === 'done' || text === 'other' ? text : undefined;
      },
    };
    const { connections } = this.#redis;
    const answer = await this.#redis.ask(this.#keysKey, question, deadline);
    if (answer === 'other' && connections !== this.#redis.connections) {
      // It may have been sent twice, and another change have come between the two.
      throw new Error('the connection was lost meanwhile: the change may have been made');
    }
    return answer === 'done';
  }
}

/** What a script answered, `null` for nothing; `undefined` if this is no answer to it. */
function answerTo(id: string, reply: unknown): string | null | undefined {
  if (!Array.isArray(reply) || reply.length !== 2 || reply[0] !== id) return undefined;
  const answer: unknown = reply[1];
  return answer === null || typeof answer === 'string' ? answer : undefined;
}

/** @throws Error if there is none */
function left(due: number): number {
  const milliseconds = due - performance.now();
  if (milliseconds <= 0)
    throw new Error('others changed the key again and again, or Redis is slow');
  return milliseconds;
}

const joined = ({ entry, sealed }: WrittenKey) => `${sealed} ${entry}`;

function split(credential: string, text: string): WrittenKey {
  const space = text.indexOf(' ');
  if (space === -1) throw new Error(`the key "${credential}" cannot be read: it has another form`);
  return { sealed: text.slice(0, space), entry: text.slice(space + 1) };
}

function timeOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function prefixOf(prefix: unknown): string {
  if (typeof prefix !== 'string') throw new TypeError('prefix: expected a string');
  if (!/^[!-z|~]{1,64}$/.test(prefix)) {
    throw new RangeError('prefix: expected 1 to 64 visible characters of ASCII but braces');
  }
  return prefix;
}
