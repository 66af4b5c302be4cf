import { randomBytes } from 'node:crypto';
import type { Command, RedisLink } from '../../nonces/redis/link.js';
import { PendingAnswers } from '../database/pending-answers.js';

/** A command, and what to make of its reply. */
export interface Question<T> {
  command(id: string): Command;
  /** Gives `undefined` for what is no reply to this. */
  read(reply: unknown, id: string): T | undefined;
}

const PATIENCE = 4; // deadlines without an answer until another connection is tried

/**
 * Asks a Redis, and takes nothing for an answer but an answer in time: while the client is not connected, nothing is sent or
 * queued; a connection that is silent or out of step is made anew.
 */
export class Conversation {
  readonly #link: RedisLink;
  readonly #patience: number;
  readonly #pending: PendingAnswers;
  // When it was asked for the first time since it answered.
  #silentSince: number | undefined;
  #reconnectedAt = Number.NEGATIVE_INFINITY;
  #connections = 0;
  readonly #name = `${randomBytes(6).toString('base64url')}:`;
  #asked = 0;

  /** @param deadline - milliseconds of a usual question */
  constructor(link: RedisLink, deadline: number) {
    this.#link = link;
    this.#patience = PATIENCE * deadline;
    this.#pending = new PendingAnswers(() => this.#silent());
    link.onChange(() => this.#connections++);
  }

  /** Counts the changes of connections: between two of them, a command may have been sent twice. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Asks about one key.
   *
   * @param question - its command gets an id that no other has, to be answered with
   * @param deadline - milliseconds
   */
  async ask<T>(key: string, question: Question<T>, deadline: number): Promise<T> {
    if (!this.#link.isReady()) throw new Error('the client is not connected to Redis');
    return this.#pending.ask(() => this.#send(key, question), deadline);
  }

  async #send<T>(key: string, { command, read }: Question<T>): Promise<T> {
    this.#silentSince ??= performance.now();
    const id = `${this.#name}${this.#asked++}`;
    const reply = await this.#link.send(key, command(id)).catch((error) => {
      this.#silentSince = undefined;
      throw error;
    });
    // A reply that is late is looked at, too: it may be that to an earlier question, and so will be all that follow.
    const value = read(reply, id);
    if (value === undefined) {
      this.#reconnect();
      throw new Error('Redis answered something else');
    }
    this.#silentSince = undefined;
    return value;
  }

  #silent(): void {
    if (performance.now() - (this.#silentSince ?? Infinity) >= this.#patience) this.#reconnect();
  }

  /** Not again and again, where that is of no use. */
  #reconnect(): void {
    const now = performance.now();
    if (now - this.#reconnectedAt < this.#patience) return;
    this.#reconnectedAt = now;
    this.#silentSince = undefined;
    this.#pending.forget();
    this.#link.masters().then(
      (nodes) => {
        for (const node of nodes) node.reconnect();
      },
      () => {},
    );
  }
}
