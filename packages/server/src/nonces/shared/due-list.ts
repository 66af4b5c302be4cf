/** Something that must be over in time. */
export interface Due {
  /** Milliseconds of `performance.now()`. */
  readonly due: number;
  /** False once it is over, in time or not. */
  open: boolean;
  next: Due | undefined;
}

/**
 * Tells what was not over in time. All have the same time, so they are due in the order in which they came, and one timer
 * serves all of them.
 */
export class DueList<T extends Due> {
  readonly #milliseconds: number;
  readonly #late: (item: T) => void;
  readonly #anyLate: (() => void) | undefined;
  #first: T | undefined;
  #last: T | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param milliseconds - that each of them has
   * @param late - is told each that is still open when it is due, and closed by then
   * @param anyLate - is told once when there were some
   */
  constructor(milliseconds: number, late: (item: T) => void, anyLate?: () => void) {
    this.#milliseconds = milliseconds;
    this.#late = late;
    this.#anyLate = anyLate;
  }

  /** When something is due that begins now. */
  dueFromNow(): number {
    return performance.now() + this.#milliseconds;
  }

  add(item: T): void {
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    if (this.#timer === undefined) this.#wait(this.#milliseconds);
  }

  close(item: T): void {
    item.open = false;
    this.#dropClosed();
  }

  #dropClosed(): void {
    let first = this.#first;
    while (first?.open === false) {
      const { next } = first;
      // An old one that is dead would keep all that came after it out of reach of the collector of young ones.
      first.next = undefined;
      first = next as T | undefined;
    }
    this.#first = first;
    if (first === undefined) this.#last = undefined;
  }

  #wait(milliseconds: number): void {
    // A process that was busy for long has its answers in its sockets: they are read before the timer is believed.
    this.#timer = setTimeout(() => setImmediate(() => this.#expire()), milliseconds);
    this.#timer.unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    let any = false;
    let item = this.#first;
    while (item !== undefined && item.due <= now) {
      const next = item.next as T | undefined;
      if (item.open) {
        item.open = false;
        any = true;
        this.#late(item);
      }
      item = next;
    }
    if (any) this.#anyLate?.();
    this.#dropClosed();
    if (this.#first === undefined) return;
    // Not for every millisecond in which one came: a busy process would fall behind.
    this.#wait(Math.max(this.#first.due - now, this.#milliseconds / 16));
  }
}
