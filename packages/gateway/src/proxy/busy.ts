/** Counts what is under way, for whoever must wait until nothing is. */
export class Busy {
  #count = 0;
  #waiting: (() => void)[] = [];

  /** Counts until it is settled, and lets nothing out that it fails with. */
  async during(work: Promise<unknown>): Promise<void> {
    this.#count++;
    await work.catch(() => {});
    if (--this.#count > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }

  idle(): Promise<void> {
    return this.#count === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
