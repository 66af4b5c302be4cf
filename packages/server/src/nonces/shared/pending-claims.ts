import type { NonceVerdict } from '../nonce-store.js';
import { type Due, DueList } from './due-list.js';

// So many claims may be silent beyond their deadline, all lanes together, before the next ones are refused unasked.
const MOST_OVERDUE = 64;

interface Claim extends Due {
  readonly lane: number;
  readonly resolve: (verdict: NonceVerdict) => void;
}

export interface PendingClaimsOptions {
  readonly lanes?: number;
  onOverdue?(): void;
}

/**
 * Gives every claim an answer in time: `unavailable`, if the backend has none by then. A backend that has fallen silent is
 * asked no more until it has answered, so that nothing piles up for the moment when it wakes.
 */
export class PendingClaims {
  readonly #mostOverdue: number;
  readonly #overdue: Uint32Array;
  readonly #claims: DueList<Claim>;

  /**
   * @param deadline - milliseconds
   * @param options - how many parts of the backend can fall silent, each without the others (one, unless said otherwise), and
   *   who is told when claims are overdue
   */
  constructor(deadline: number, { lanes = 1, onOverdue }: PendingClaimsOptions = {}) {
    this.#mostOverdue = MOST_OVERDUE / lanes;
    this.#overdue = new Uint32Array(lanes);
    const late = ({ lane, resolve }: Claim) => {
      this.#overdue[lane] = (this.#overdue[lane] as number) + 1;
      resolve('unavailable');
    };
    this.#claims = new DueList(deadline, late, onOverdue);
  }

  /** False if too many are overdue to ask once more. */
  admits(lane = 0): boolean {
    return (this.#overdue[lane] as number) < this.#mostOverdue;
  }

  /** What `decide` makes of the reply; `unavailable`, if that is late or rejected. */
  settle<T>(
    reply: Promise<T>,
    decide: (reply: T) => NonceVerdict | Promise<NonceVerdict>,
    lane = 0,
  ): Promise<NonceVerdict> {
    return new Promise((resolve) => {
      const due = this.#claims.dueFromNow();
      const claim: Claim = { due, open: true, next: undefined, lane, resolve };
      this.#claims.add(claim);
      const failed = () => this.#answered(claim, 'unavailable');
      reply.then((value) => {
        try {
          const verdict = decide(value);
          if (typeof verdict === 'string') this.#answered(claim, verdict);
          else verdict.then((later) => this.#answered(claim, later), failed);
        } catch {
          failed();
        }
      }, failed);
    });
  }

  #answered(claim: Claim, verdict: NonceVerdict): void {
    if (!claim.open) {
      this.#overdue[claim.lane] = (this.#overdue[claim.lane] as number) - 1;
      return;
    }
    this.#claims.close(claim);
    claim.resolve(verdict);
  }
}
