const WORDS = 3; // of a slot: two of fingerprint, one of expiry, which is 0 where the slot was never used
const FIRST_SLOTS = 1024; // a power of two, as every later size

/**
 * A set of (credential, nonce) pairs, each with the second it expires, in one array of numbers: 12 bytes a slot, nothing
 * for the garbage collector to look at. Of a pair it keeps 64 bits, keyed anew in each process. Two pairs that share
 * them would make one look used, never fresh; among a million that happens once in 10^13 claims.
 */
export class FingerprintTable {
  #slots = new Uint32Array(FIRST_SLOTS * WORDS);
  #mask = FIRST_SLOTS - 1;
  #used = 0;
  readonly #seed = crypto.getRandomValues(new Uint32Array(2));
  // The fingerprint of the pair that was looked up last, and where it would be put.
  #high = 0;
  #low = 0;
  #free = 0;

  /**
   * Looks a pair up, and prepares to add it.
   *
   * @param dead - pairs that expire at this second or earlier count as gone
   */
  has(credential: string, nonce: string, dead: number): boolean {
    this.#fingerprint(credential, nonce);
    let free = -1;
    for (let slot = this.#low & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * WORDS;
      const expiry = this.#slots[at + 2] as number;
      if (expiry === 0) {
        this.#free = free === -1 ? at : free;
        return false;
      }
      if (expiry <= dead) {
        if (free === -1) free = at;
      } else if (this.#slots[at] === this.#high && this.#slots[at + 1] === this.#low) return true;
    }
  }

  /** Adds the pair that {@link has} has just not found. */
  add(expiresAt: number, dead: number): void {
    if (this.#slots[this.#free + 2] === 0) this.#used++;
    this.#put(this.#free, this.#high, this.#low, expiresAt);
    if (this.#used * 4 > (this.#mask + 1) * 3) this.#rebuild(dead);
  }

  #put(at: number, high: number, low: number, expiresAt: number): void {
    this.#slots[at] = high;
    this.#slots[at + 1] = low;
    this.#slots[at + 2] = expiresAt;
  }

  /** Leaves out what is gone, and makes room for as many again. */
  #rebuild(dead: number): void {
    const old = this.#slots;
    let live = 0;
    for (let at = 2; at < old.length; at += WORDS) if ((old[at] as number) > dead) live++;
    let slots = FIRST_SLOTS;
    while (slots < live * 2) slots *= 2;
    this.#slots = new Uint32Array(slots * WORDS);
    this.#mask = slots - 1;
    this.#used = live;
    for (let from = 0; from < old.length; from += WORDS) {
      if ((old[from + 2] as number) <= dead) continue;
      const low = old[from + 1] as number;
      let slot = low & this.#mask;
      while (this.#slots[slot * WORDS + 2] !== 0) slot = (slot + 1) & this.#mask;
      this.#put(slot * WORDS, old[from] as number, low, old[from + 2] as number);
    }
  }

  /** Two lanes of multiply and shift, each closed with the finalizer of MurmurHash3. */
  #fingerprint(credential: string, nonce: string): void {
    let high = this.#seed[0] as number;
    let low = this.#seed[1] as number;
    const text = (part: string) => {
      for (let i = 0; i < part.length; i++) {
        const code = part.charCodeAt(i);
        high = Math.imul(high ^ code, 0x85ebca6b);
        high ^= high >>> 15;
        low = Math.imul(low ^ code, 0xc2b2ae35);
        low ^= low >>> 13;
      }
    };
    text(credential);
    text(' '); // stands in neither, so no two pairs are one text
    text(nonce);
    this.#high = finish(high ^ Math.imul(low, 0x9e3779b1));
    this.#low = finish(low);
  }
}

function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
