import type { Difference, Outcome } from './adapter.js';
import type { MatrixCase } from './cases.js';

/** How an adapter did. */
export interface MatrixReport {
  readonly cases: number;
  /** How many cases ended in each way. */
  readonly counts: Readonly<Partial<Record<Outcome, number>>>;
  /** Cases that ended in another way than on `node:http`, all of them declared unless `faults` says otherwise. */
  readonly differing: readonly { name: string; expected: Outcome; actual: Outcome }[];
  /** What is wrong, a sentence each; empty if the adapter is right. */
  readonly faults: readonly string[];
  /** The counts in one line. */
  readonly summary: string;
}

/** Holds what happened against what was declared. */
export class Ledger {
  readonly #counts: Partial<Record<Outcome, number>> = {};
  readonly #differing: { name: string; expected: Outcome; actual: Outcome }[] = [];
  readonly #faults: string[] = [];
  readonly #used = new Set<Difference>();

  constructor(readonly differs: readonly Difference[]) {
    for (const { expected, actual, cases } of differs) {
      if ((expected === 'accepted' || actual === 'accepted') && cases === undefined) {
        throw new TypeError(`differs: name the cases of ${expected} → ${actual}`);
      }
    }
  }

  enter(test: MatrixCase, actual: Outcome, faults: readonly string[]): void {
    const { name, expected } = test;
    this.#counts[actual] = (this.#counts[actual] ?? 0) + 1;
    this.#faults.push(...faults.map((fault) => `${name}: ${fault}`));
    if (agree(expected, actual)) return;
    const wanted = expected === 'refused' ? 'server' : expected;
    this.#differing.push({ name, expected: wanted, actual });
    const declared = this.differs.find(
      (one) =>
        one.expected === wanted &&
        one.actual === actual &&
        (one.cases === undefined || one.cases.includes(name)),
    );
    if (declared === undefined) this.#faults.push(`${name}: expected ${wanted}, got ${actual}`);
    else this.#used.add(declared);
  }

  report(): MatrixReport {
    const cases = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    const stale = this.differs.filter((one) => !this.#used.has(one));
    const faults = [
      ...this.#faults,
      ...stale.map(({ expected, actual }) => `differs: ${expected} → ${actual} did not occur`),
    ];
    const { accepted = 0, server = 0 } = this.#counts;
    const summary = `${cases} requests: ${accepted} accepted, ${cases - accepted - server} refused with a code, ${server} refused by the server, ${this.#differing.length} otherwise than by node:http, ${faults.length} faults`;
    return { cases, counts: this.#counts, differing: this.#differing, faults, summary };
  }
}

/** A server may refuse before us whatever is to be refused. */
function agree(expected: MatrixCase['expected'], actual: Outcome): boolean {
  if (expected === actual) return true;
  return (
    expected !== 'accepted' &&
    (actual === 'server' || (expected === 'refused' && actual !== 'accepted'))
  );
}
