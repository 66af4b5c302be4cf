import type { NonceVerdict } from '../nonce-store.js';
import { isBusy } from './built-in.js';
import type { Connection } from './connection.js';
import type { DatabaseClaim } from './database.js';

// Claims of one transaction: so many take some milliseconds, in which nothing else runs.
const MOST_AT_ONCE = 256;
// How long a lock that is taken is left alone, the first time and at most (ms).
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 8;

interface Waiting extends DatabaseClaim {
  /** Milliseconds of `performance.now()`. */
  readonly due: number;
  readonly resolve: (verdict: NonceVerdict) => void;
}

/**
 * Has claims that arrive in one turn of the event loop share a transaction: twice as many a second, and ten times as many if
 * each transaction waits for the disk.
 */
export class ClaimQueue {
  readonly #connection: Connection;
  readonly #deadline: number;
  #waiting: Waiting[] = [];
  #isScheduled = false;
  #pause = FIRST_PAUSE;

  /** @param deadline - how long a lock that another process has is waited for, in milliseconds */
  constructor(connection: Connection, deadline: number) {
    this.#connection = connection;
    this.#deadline = deadline;
  }

  add(id: Uint8Array, expiresAt: number, dated: number): Promise<NonceVerdict> {
    const due = performance.now() + this.#deadline;
    return new Promise((resolve) => {
      this.#waiting.push({ id, expiresAt, dated, due, resolve });
      if (!this.#isScheduled) this.#schedule();
    });
  }

  /** Refuses those that wait. */
  clear(): void {
    refuse(this.#waiting.splice(0));
  }

  #schedule(pause?: number): void {
    this.#isScheduled = true;
    if (pause === undefined) setImmediate(this.#claimWaiting);
    else setTimeout(this.#claimWaiting, pause);
  }

  readonly #claimWaiting = (): void => {
    this.#isScheduled = false;
    const claims = this.#waiting.splice(0, MOST_AT_ONCE);
    if (claims.length === 0) return;
    let verdicts: readonly NonceVerdict[];
    try {
      verdicts = this.#connection.use((database) => database.claim(claims));
    } catch (error) {
      if (isBusy(error)) this.#wait(claims);
      else this.#settled(claims, []);
      return;
    }
    this.#settled(claims, verdicts);
  };

  #settled(claims: readonly Waiting[], verdicts: readonly NonceVerdict[]): void {
    this.#pause = FIRST_PAUSE;
    if (this.#waiting.length > 0) this.#schedule();
    for (const [i, { resolve }] of claims.entries()) resolve(verdicts[i] ?? 'unavailable');
  }

  /** Leaves the lock to who has it, and gives up the claims that are due: nothing of them was written. */
  #wait(claims: readonly Waiting[]): void {
    const now = performance.now();
    const all = [...claims, ...this.#waiting];
    this.#waiting = all.filter(({ due }) => due > now);
    if (this.#waiting.length > 0) {
      this.#schedule(this.#pause);
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    }
    refuse(all.filter(({ due }) => due <= now));
  }
}

function refuse(claims: readonly Waiting[]): void {
  for (const { resolve } of claims) resolve('unavailable');
}
