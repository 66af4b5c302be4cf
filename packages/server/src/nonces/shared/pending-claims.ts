import type { NonceVerdict } from '../nonce-store.js';
import { type Due, DueList } from './due-list.js';

// Of all lanes together: so many claims may be silent beyond their deadline before the next ones are refused unasked.
const MOST_OVERDUE = 64;
// So many may be on their way, and however slow the backend is, so many.
const MOST_OPEN = 16_384;
const FEWEST_OPEN = 64;
// Later than in this share of the deadline, an answer comes almost too late.
const SLOW = 3 / 4;

/** A part of the backend that can be slow or fall silent without the others. */
interface Lane {
  /** Claims on their way. */
  open: number;
  mostOpen: number;
  /** When `mostOpen` was lowered last. What was begun before cannot tell whether that was enough. */
  loweredAt: number;
  /** Claims that were given up, and are not answered yet. */
  overdue: number;
}

interface Claim extends Due {
  readonly lane: Lane;
  /** How many were on their way when it was begun. */
  readonly ahead: number;
  readonly resolve: (verdict: NonceVerdict) => void;
}

export interface PendingClaimsOptions {
  readonly lanes?: number;
  onOverdue?(): void;
}

/**
 * Gives every claim an answer in time: `unavailable`, if the backend has none by then. A backend that has fallen silent is
 * asked no more until it has answered, so that nothing piles up for the moment when it wakes. One that is asked for more than it
 * can do is asked for what it can, or all would wait until none was in time.
 */
export class PendingClaims {
  readonly #deadline: number;
  readonly #lanes: readonly Lane[];
  readonly #mostOverdue: number;
  readonly #mostOpen: number;
  readonly #fewestOpen: number;
  readonly #claims: DueList<Claim>;

  /**
   * @param deadline - milliseconds
   * @param options - how many lanes there are (one, unless said otherwise), and who is told when claims are overdue
   */
  constructor(deadline: number, { lanes = 1, onOverdue }: PendingClaimsOptions = {}) {
    this.#deadline = deadline;
    this.#mostOverdue = MOST_OVERDUE / lanes;
    this.#mostOpen = MOST_OPEN / lanes;
    this.#fewestOpen = FEWEST_OPEN / lanes;
    const lane = (): Lane => ({ open: 0, mostOpen: this.#mostOpen, loweredAt: 0, overdue: 0 });
    this.#lanes = Array.from({ length: lanes }, lane);
    const late = (claim: Claim) => {
      claim.lane.overdue++;
      this.#leave(claim);
      claim.resolve('unavailable');
    };
    this.#claims = new DueList(deadline, late, onOverdue);
  }

  /** False if too many are overdue, or on their way, to ask once more. */
  admits(lane = 0): boolean {
    const { open, mostOpen, overdue } = this.#lanes[lane] as Lane;
    return open < mostOpen && overdue < this.#mostOverdue;
  }

  /** What `decide` makes of the reply; `unavailable`, if that is late or rejected. */
  settle<T>(
    reply: Promise<T>,
    decide: (reply: T) => NonceVerdict | Promise<NonceVerdict>,
    lane = 0,
  ): Promise<NonceVerdict> {
    return new Promise((resolve) => {
      const due = this.#claims.dueFromNow();
      const at = this.#lanes[lane] as Lane;
      const claim: Claim = {
        due,
        open: true,
        next: undefined,
        lane: at,
        ahead: at.open++,
        resolve,
      };
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
      claim.lane.overdue--;
      return;
    }
    this.#claims.close(claim);
    this.#leave(claim);
    claim.resolve(verdict);
  }

  /** Learns from how long it took how many the backend can have on its way. */
  #leave({ lane, ahead, due }: Claim): void {
    lane.open--;
    // With so few, it is not the others that one waits for.
    if (ahead < this.#fewestOpen && lane.mostOpen === this.#mostOpen) return;
    const now = performance.now();
    const share = 1 - (due - now) / this.#deadline;
    if (share <= SLOW) {
      // As TCP does: by a few for as many answers as there are claims on their way.
      lane.mostOpen = Math.min(this.#mostOpen, lane.mostOpen + this.#fewestOpen / lane.mostOpen);
    } else if (ahead >= this.#fewestOpen && due - this.#deadline >= lane.loweredAt) {
      // With so many ahead it took this share: half of the deadline is enough for so many.
      lane.loweredAt = now;
      lane.mostOpen = Math.max(this.#fewestOpen, ahead / (2 * share));
    }
  }
}
