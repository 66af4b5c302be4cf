// So many are taken off with each claim, which adds one at most: what has expired never piles up.
const AT_ONCE = 16;

/** How many nonces each credential has that expire together, by the number that stands for it. */
export type SharesOfSecond = Map<number, number>;

interface Share {
  count: number;
}

/** How many live nonces each credential has, told apart by a number that stands for it. */
export class Shares {
  readonly #live = new Map<number, Share>();
  // Of seconds that have passed, not yet taken off.
  readonly #leaving: Iterator<[number, number]>[] = [];

  of(owner: number): number {
    return this.#live.get(owner)?.count ?? 0;
  }

  /** One more, which goes again with the others of its second. */
  add(owner: number, second: SharesOfSecond): void {
    const share = this.#live.get(owner);
    if (share === undefined) this.#live.set(owner, { count: 1 });
    else share.count++;
    second.set(owner, (second.get(owner) ?? 0) + 1);
  }

  /** All that expired in a second is to be taken off, by and by. */
  drop(second: SharesOfSecond): void {
    this.#leaving.push(second.entries());
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
      const live = this.#live.get(owner) as Share;
      live.count -= count;
      if (live.count === 0) this.#live.delete(owner);
    }
  }
}
