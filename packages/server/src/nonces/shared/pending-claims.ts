import type { NonceVerdict } from '../nonce-store.js';

// So many claims may be silent beyond their deadline, all lanes together, before the next ones are refused unasked.
const MOST_OVERDUE = 64;

interface Claim {
  /** Milliseconds of `performance.now()`. */
  readonly due: number;
  readonly lane: number;
  readonly resolve: (verdict: NonceVerdict) => void;
  open: boolean;
  next: Claim | undefined;
}

export interface PendingClaimsOptions {
  readonly lanes?: number;
  onOverdue?(): void;
}

/**
 * Gives every claim an answer in time: `unavailable`, if the backend has none by then. One timer serves all of them, since
 * they are due in the order in which they came. A backend that has fallen silent is asked no more until it has answered,
 * so that nothing piles up for the moment when it wakes.
 */
export class PendingClaims {
  readonly #deadline: number;
  readonly #mostOverdue: number;
  readonly #overdue: Uint32Array;
  readonly #onOverdue: (() => void) | undefined;
  #first: Claim | undefined;
  #last: Claim | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param deadline - milliseconds
   * @param options - how many parts of the backend can fall silent, each without the others (one, unless said otherwise), and
   *   who is told when claims are overdue
   */
  constructor(deadline: number, { lanes = 1, onOverdue }: PendingClaimsOptions = {}) {
    this.#deadline = deadline;
    this.#mostOverdue = MOST_OVERDUE / lanes;
    this.#overdue = new Uint32Array(lanes);
    this.#onOverdue = onOverdue;
  }

  /** False if too many are overdue to ask once more. */
  admits(lane = 0): boolean {
    return (this.#overdue[lane] as number) < this.#mostOverdue;
  }

  /** What `decide` makes of the reply; `unavailable`, if that is late or rejected. */
  settle<T>(
    reply: Promise<T>,
    decide: (reply: T) => NonceVerdict,
    lane = 0,
  ): Promise<NonceVerdict> {
    return new Promise((resolve) => {
      const due = performance.now() + this.#deadline;
      const claim: Claim = { due, lane, resolve, open: true, next: undefined };
      if (this.#last === undefined) this.#first = claim;
      else this.#last.next = claim;
      this.#last = claim;
      if (this.#timer === undefined) this.#wait(this.#deadline);
      reply.then(
        (value) => this.#answered(claim, decide(value)),
        () => this.#answered(claim, 'unavailable'),
      );
    });
  }

  #answered(claim: Claim, verdict: NonceVerdict): void {
    if (!claim.open) {
      this.#overdue[claim.lane] = (this.#overdue[claim.lane] as number) - 1;
      return;
    }
    claim.open = false;
    claim.resolve(verdict);
    this.#dropAnswered();
  }

  #dropAnswered(): void {
    while (this.#first?.open === false) this.#first = this.#first.next;
    if (this.#first === undefined) this.#last = undefined;
  }

  #wait(milliseconds: number): void {
    // A process that was busy for long has its answers in its sockets: they are read before the timer is believed.
    this.#timer = setTimeout(() => setImmediate(() => this.#expire()), milliseconds);
    this.#timer.unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    let overdue = false;
    for (let claim = this.#first; claim !== undefined && claim.due <= now; claim = claim.next) {
      if (!claim.open) continue;
      claim.open = false;
      this.#overdue[claim.lane] = (this.#overdue[claim.lane] as number) + 1;
      claim.resolve('unavailable');
      overdue = true;
    }
    if (overdue) this.#onOverdue?.();
    this.#dropAnswered();
    if (this.#first === undefined) return;
    // Not for every millisecond in which one came: a busy process would fall behind.
    this.#wait(Math.max(this.#first.due - now, this.#deadline / 16));
  }
}
