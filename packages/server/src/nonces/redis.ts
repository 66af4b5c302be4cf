import { randomBytes } from 'node:crypto';
import { knownOptions, optionalFunction, wholeNumber } from '../options.js';
import { inTime } from '../request-view.js';
import type { NonceStore, NonceVerdict } from './nonce-store.js';
import { DataWatch } from './redis/data-watch.js';
import { keySlot } from './redis/key-slot.js';
import type { RedisLink } from './redis/link.js';
import { linkOf } from './redis/recognise.js';
import { emitRedisWarning, type OnRedisWarning, warner } from './redis/warnings.js';
import { claimDigest } from './shared/claim-digest.js';
import { PendingClaims } from './shared/pending-claims.js';
import {
  SHARED_OPTIONS,
  type SharedSettings,
  type SharedStoreOptions,
  sharedSettings,
} from './shared/store-options.js';

export type { OnRedisWarning, RedisWarning, RedisWarningCode } from './redis/warnings.js';
export type { SharedStoreOptions } from './shared/store-options.js';

// The slots of a cluster are handed out in runs, so a server that hangs silences few of these lanes.
const LANES = 64;
const SLOTS_OF_LANE = 16_384 / LANES;
// A single-use URL lives for a week at most (seconds).
const LONGEST = 8 * 86_400;

const TOO_FEW = Symbol('too few replicas');

/**
 * A connected client: of `redis` (node-redis) from `createClient`, `createCluster` or `createSentinel`; of `ioredis` a
 * `Redis` (Sentinels included) or a `Cluster`.
 */
export type RedisClient = object;

/** How many replicas must have a nonce before it counts as claimed. */
export interface RedisWait {
  readonly replicas: number;
  /** Milliseconds, shorter than the deadline. */
  readonly timeout: number;
}

/** Where a Redis store keeps its nonces, and for how long. */
export interface RedisNonceStoreOptions extends SharedStoreOptions {
  readonly client: RedisClient;
  /** What every key begins with, 1–64 visible characters of ASCII; `countersign:nonce:` unless said otherwise. */
  readonly prefix?: string | undefined;
  /** Waits for replicas (`WAIT`), so that a failover loses none; not with a cluster. Nobody is waited for unless said otherwise. */
  readonly wait?: RedisWait | undefined;
  /** Is told what is wrong with the server, though it works; `process.emitWarning` unless said otherwise. */
  readonly onWarning?: OnRedisWarning | undefined;
}

const OPTIONS = [...SHARED_OPTIONS, 'client', 'prefix', 'wait', 'onWarning'];

/**
 * Remembers nonces in a Redis or Valkey that many processes share, each by one `SET … NX PX`: as long as they live,
 * `clockMargin` seconds and a deadline longer, by a relative time to live. Whatever is not plainly `OK` or nil is `unavailable`, and so
 * is everything while the client is not connected: nothing is queued.
 *
 * What it promises. As long as the data is whole, no pair is fresh twice. When nonces may have been lost (the server was
 * restarted or replaced by a failover, its data is gone, or its clock was set ahead), it refuses what is dated up to the
 * second in which that was noticed, as a store does that starts empty: before the next claim, if the connection was lost;
 * within a second, if the data was flushed or the clock set under it, or behind a cluster or a proxy. The hole that remains
 * is a caller, or another verifier, whose clock ran ahead: `start: 'strict'` closes it, at the price of refusing everything
 * for another skew. `wait` makes a failover lose nothing. The server needs `maxmemory-policy noeviction`; every process needs
 * a clock that agrees with the others' within `clockMargin`.
 *
 * Give it a client of its own: one that is silent for four deadlines, or whose replies are out of step, is made to connect
 * anew.
 *
 * @throws TypeError or RangeError that names the option
 * @example
 * const client = await createClient({ url: 'redis://localhost' }).on('error', log).connect();
 * const nonces = redisNonceStore({ client });
 */
export function redisNonceStore(options: RedisNonceStoreOptions): Required<NonceStore> {
  return new RedisNonceStore(options);
}

class RedisNonceStore implements Required<NonceStore> {
  readonly #settings: SharedSettings;
  readonly #prefix: string;
  readonly #link: RedisLink;
  readonly #wait: readonly string[] | undefined;
  readonly #replicas: number = 0;
  readonly #pending: PendingClaims;
  readonly #data: DataWatch;
  // Added to the second up to which data may be lost.
  readonly #ahead: number;

  constructor(options: RedisNonceStoreOptions) {
    knownOptions(options, OPTIONS);
    const { client, prefix = 'countersign:nonce:', wait, onWarning } = options;
    const settings = sharedSettings(options);
    this.#settings = settings;
    this.#prefix = prefixOf(prefix);
    this.#link = linkOf(client);
    if (wait !== undefined) {
      const { replicas, timeout } = waitOf(wait, settings.deadline, this.#link);
      this.#replicas = replicas;
      this.#wait = ['WAIT', `${replicas}`, `${timeout}`];
    }
    const hook = optionalFunction('onWarning', onWarning) ?? emitRedisWarning;
    this.#ahead = { normal: 0, strict: settings.skew, fresh: Number.NEGATIVE_INFINITY }[
      settings.start
    ];
    this.#data = new DataWatch({
      link: this.#link,
      markKey: `${this.#prefix}since`,
      deadline: settings.deadline,
      clockMargin: settings.clockMargin,
      now: settings.now,
      warn: warner(hook),
    });
    // In a cluster, one server that hangs would put all of them in doubt.
    this.#pending = this.#link.isCluster
      ? new PendingClaims(settings.deadline, { lanes: LANES })
      : new PendingClaims(settings.deadline, { onOverdue: () => this.#data.doubt() });
  }

  get skew(): number {
    return this.#settings.skew;
  }

  claim(
    credential: string,
    nonce: string,
    expiresAt: number,
    date = expiresAt - this.#settings.skew,
  ): NonceVerdict | Promise<NonceVerdict> {
    const now = this.#settings.now();
    const life = Math.ceil((expiresAt + 1 + this.#settings.clockMargin) * 1000 - now);
    if (!(life > 0 && life <= LONGEST * 1000) || !this.#link.isReady()) return 'unavailable';
    const { isCluster } = this.#link;
    // Whoever is refused is refused at little cost; of a cluster the lane must be known first.
    if (!isCluster && !this.#pending.admits()) return 'unavailable';
    // A claim at the last moment may be a deadline on its way: what it is compared with must be there still.
    const kept = `${life + this.#settings.deadline}`;
    const key = this.#prefix + claimDigest(credential, nonce, 'base64url');
    const lane = isCluster ? Math.floor(keySlot(key) / SLOTS_OF_LANE) : 0;
    if (isCluster && !this.#pending.admits(lane)) return 'unavailable';
    const { generation } = this.#data;
    if (!this.#data.isCurrent(now)) {
      return this.#pending.settle(this.#afterLook(date, key, kept), asItIs, lane);
    }
    if (!this.#isSafe(date)) return 'unavailable';
    const sent = this.#send(key, kept);
    return this.#pending.settle(sent, (reply) => this.#judge(reply, generation), lane);
  }

  async health(): Promise<void> {
    const { deadline } = this.#settings;
    if (!this.#link.isReady()) throw new Error('the client is not connected to Redis');
    await this.#data.look();
    const key = `${this.#prefix}health:${randomBytes(12).toString('base64url')}`;
    const { generation } = this.#data;
    const reply = await inTime(this.#send(key, '1000'), deadline);
    if (this.#judge(reply, generation) !== 'fresh') throw new Error('Redis takes no new key');
  }

  /** A claim that has waited for longer than its deadline is given up unsent. */
  async #afterLook(date: number, key: string, kept: string): Promise<NonceVerdict> {
    const due = performance.now() + this.#settings.deadline;
    await this.#data.look();
    if (performance.now() >= due || !this.#isSafe(date)) return 'unavailable';
    const { generation } = this.#data;
    return this.#judge(await this.#send(key, kept), generation);
  }

  #isSafe(date: number): boolean {
    return date > this.#data.since + this.#ahead;
  }

  #send(key: string, life: string): Promise<unknown> {
    return this.#wait === undefined
      ? this.#link.claim(key, life)
      : this.#link.claimAnd(key, life, this.#wait).then(this.#acknowledged);
  }

  /** The first of two replies, unless the second tells of too few replicas. */
  readonly #acknowledged = ([reply, replicas]: readonly [unknown, unknown]): unknown =>
    reply === null || (typeof replicas === 'number' && replicas >= this.#replicas)
      ? reply
      : TOO_FEW;

  /**
   * A client may send a command again on its next connection, to a server that has lost the nonce; and a reply of another
   * kind may be one to another command.
   */
  #judge(reply: unknown, generation: number): NonceVerdict {
    if (generation !== this.#data.generation) return 'unavailable';
    if (reply === 'OK') return 'fresh';
    if (reply === null) return 'replayed';
    if (reply !== TOO_FEW) this.#data.doubt();
    return 'unavailable';
  }
}

const asItIs = (verdict: NonceVerdict) => verdict;

function prefixOf(prefix: unknown): string {
  if (typeof prefix !== 'string') throw new TypeError('prefix: expected a string');
  if (!/^[!-~]{1,64}$/.test(prefix)) {
    throw new RangeError('prefix: expected 1 to 64 visible characters of ASCII');
  }
  return prefix;
}

function waitOf(wait: unknown, deadline: number, link: RedisLink): RedisWait {
  if (typeof wait !== 'object' || wait === null) throw new TypeError('wait: expected an object');
  for (const member of Object.keys(wait)) {
    if (member !== 'replicas' && member !== 'timeout') {
      throw new TypeError(`wait: unknown member ${member}; known are replicas, timeout`);
    }
  }
  if (link.isCluster) {
    throw new TypeError('wait: not with a cluster, whose servers have min-replicas-to-write');
  }
  const { replicas, timeout } = wait as Partial<RedisWait>;
  return {
    replicas: wholeNumber('wait: replicas', replicas, 1, 100),
    timeout: wholeNumber('wait: timeout', timeout, 1, deadline - 1),
  };
}
