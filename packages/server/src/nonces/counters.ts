const PARTS = 64;
const PART_SHIFT = 26; // 32 bits less those of PARTS
const FIRST_SLOTS = 16; // a power of two, as every later size
const WORDS = 2; // of a slot: the owner, 0 where it was never used, and the count

/**
 * A count for each of many owners, signed numbers of 32 bits of which all are equally likely: in arrays of numbers, and in so many
 * parts that making one anew takes less than a millisecond with a million owners.
 */
export class Counters {
  readonly #parts = Array.from({ length: PARTS }, () => new Int32Array(FIRST_SLOTS * WORDS));
  readonly #used = new Uint32Array(PARTS);

  of(owner: number): number {
    const slots = this.#parts[owner >>> PART_SHIFT] as Int32Array;
    return slots[find(slots, owner) + 1] as number;
  }

  /** Adds to the count of an owner, which must not become less than zero. */
  add(owner: number, by: number): void {
    const part = owner >>> PART_SHIFT;
    const slots = this.#parts[part] as Int32Array;
    const at = find(slots, owner);
    if (slots[at] === 0) {
      slots[at] = keyOf(owner);
      (this.#used[part] as number)++;
    }
    (slots[at + 1] as number) += by;
    if ((this.#used[part] as number) * (4 * WORDS) > slots.length * 3) this.#rebuild(part);
  }

  /** Leaves out those whose count is zero, and makes room for as many again. */
  #rebuild(part: number): void {
    const old = this.#parts[part] as Int32Array;
    let counted = 0;
    for (let at = 1; at < old.length; at += WORDS) if (old[at] !== 0) counted++;
    let size = FIRST_SLOTS;
    while (size < counted * 2) size *= 2;
    const slots = new Int32Array(size * WORDS);
    for (let from = 0; from < old.length; from += WORDS) {
      if (old[from + 1] === 0) continue;
      const at = find(slots, old[from] as number);
      slots[at] = old[from] as number;
      slots[at + 1] = old[from + 1] as number;
    }
    this.#parts[part] = slots;
    this.#used[part] = counted;
  }
}

/** 0 is no owner, so it is one with 1. */
const keyOf = (owner: number) => owner || 1;

/** Where the owner is, or would be put. */
function find(slots: Int32Array, owner: number): number {
  const key = keyOf(owner);
  const mask = slots.length / WORDS - 1;
  let slot = key & mask;
  for (;;) {
    const at = slot * WORDS;
    if (slots[at] === key || slots[at] === 0) return at;
    slot = (slot + 1) & mask;
  }
}
