// So many are taken off with each claim, which adds one at most: what has expired never piles up.
const AT_ONCE = 16;

/** How many live nonces each credential has, told apart by a number that stands for it. */
export class Shares {
  readonly #live = new Map<number, number>();
  // By second of expiry, so that what expires is taken off again.
  readonly #expiring = new Map<number, Map<number, number>>();
  // Of seconds that have passed, not yet taken off.
  readonly #leaving: Iterator<[number, number]>[] = [];

  of(owner: number): number {
    return this.#live.get(owner) ?? 0;
  }

  add(owner: number, expiresAt: number): void {
    this.#live.set(owner, this.of(owner) + 1);
    const second = this.#expiring.get(expiresAt);
    if (second === undefined) this.#expiring.set(expiresAt, new Map([[owner, 1]]));
    else second.set(owner, (second.get(owner) ?? 0) + 1);
  }

  /** All that expired in a second is to be taken off, by and by. */
  drop(second: number): void {
    const counts = this.#expiring.get(second);
    this.#expiring.delete(second);
    if (counts !== undefined) this.#leaving.push(counts.entries());
  }

  /** Takes some of it off: many at once would hold up the claim that comes first in a second. */
  settle(): void {
    for (let i = 0; i < AT_ONCE && this.#leaving.length > 0; i++) {
      const next = (this.#leaving.at(-1) as Iterator<[number, number]>).next();
      if (next.done === true) {
        this.#leaving.pop();
        continue;
      }
      const [owner, count] = next.value;
      const left = this.of(owner) - count;
      if (left > 0) this.#live.set(owner, left);
      else this.#live.delete(owner);
    }
  }
}
