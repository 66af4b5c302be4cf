const WORDS = 3; // of a slot: two of fingerprint, one of expiry, which is 0 where the slot was never used
const FIRST_SLOTS = 16; // a power of two, as every later size
// So many parts that none has more than some thousand slots: making one anew takes a third of a millisecond with 5 million
// pairs, where one table would take 250.
const PARTS = 1024;
const PART_SHIFT = 22; // 32 bits less those of PARTS
// What a part has until something is added to it. Never written to.
const EMPTY = new Uint32Array(WORDS);

/**
 * A set of (credential, nonce) pairs, each with the second it expires, in arrays of numbers: 12 bytes a slot, nothing for the
 * garbage collector to look at. Of a pair it keeps 64 bits, keyed anew in each process. Two pairs that share them would
 * make one look used, never fresh; among a million that happens once in 10^13 claims.
 */
export class FingerprintTable {
  readonly #parts: Uint32Array[] = new Array(PARTS).fill(EMPTY);
  readonly #used = new Uint32Array(PARTS);
  readonly #masks = new Uint32Array(PARTS); // slots of each part, less one
  readonly #seed = crypto.getRandomValues(new Int32Array(2));
  // The fingerprint of the pair that was looked up last, as two signed words, which are no objects; and where it would be put.
  #high = 0;
  #low = 0;
  #part = 0;
  #free = 0;
  #owner = 0;

  /** What stands for the credential that was looked up last: few share it, and only for as long as the process lives. */
  get owner(): number {
    return this.#owner;
  }

  /**
   * Looks a pair up, and prepares to add it.
   *
   * @param dead - pairs that expire at this second or earlier count as gone; 0 at least, which stands for never used
   */
  has(credential: string, nonce: string, dead: number): boolean {
    this.#fingerprint(credential, nonce);
    const high = this.#high;
    const low = this.#low;
    this.#part = high >>> PART_SHIFT;
    const slots = this.#slotsOf(this.#part);
    const mask = this.#masks[this.#part] as number;
    let free = -1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      const expiry = slots[at + 2] as number;
      if (expiry === 0) {
        this.#free = free === -1 ? at : free;
        return false;
      }
      if (expiry <= dead) {
        if (free === -1) free = at;
      } else if (((slots[at] as number) | 0) === high && ((slots[at + 1] as number) | 0) === low) {
        return true;
      }
    }
  }

  /** Adds the pair that {@link has} has just not found. */
  add(expiresAt: number, dead: number): void {
    if (this.#slotsOf(this.#part) === EMPTY) {
      this.#rebuild(dead);
      this.#free = (this.#low & (FIRST_SLOTS - 1)) * WORDS;
    }
    const slots = this.#slotsOf(this.#part);
    if (slots[this.#free + 2] === 0) (this.#used[this.#part] as number)++;
    put(slots, this.#free, this.#high, this.#low, expiresAt);
    if ((this.#used[this.#part] as number) * (4 * WORDS) > slots.length * 3) this.#rebuild(dead);
  }

  #slotsOf(part: number): Uint32Array {
    return this.#parts[part] as Uint32Array;
  }

  /** Makes the part anew: leaves out what is gone, and makes room for as many again. */
  #rebuild(dead: number): void {
    const old = this.#slotsOf(this.#part);
    let live = 0;
    for (let at = 2; at < old.length; at += WORDS) if ((old[at] as number) > dead) live++;
    let size = FIRST_SLOTS;
    while (size < live * 2) size *= 2;
    const slots = new Uint32Array(size * WORDS);
    for (let from = 0; from < old.length; from += WORDS) {
      if ((old[from + 2] as number) <= dead) continue;
      const low = old[from + 1] as number;
      let slot = low & (size - 1);
      while (slots[slot * WORDS + 2] !== 0) slot = (slot + 1) & (size - 1);
      put(slots, slot * WORDS, old[from] as number, low, old[from + 2] as number);
    }
    this.#parts[this.#part] = slots;
    this.#masks[this.#part] = size - 1;
    this.#used[this.#part] = live;
  }

  /** Two lanes of multiply and shift, four characters at a time, each closed with the finalizer of MurmurHash3. */
  #fingerprint(credential: string, nonce: string): void {
    let high = this.#seed[0] as number;
    let low = this.#seed[1] as number;
    for (let i = 0; i < credential.length; i += 4) {
      const word = wordAt(credential, i);
      high = mixedHigh(high, word);
      low = mixedLow(low, word);
    }
    this.#owner = finish(high ^ credential.length);
    // Where one ends and the other begins, so that no two pairs are one text.
    high = mixedHigh(high, credential.length);
    low = mixedLow(low, nonce.length);
    for (let i = 0; i < nonce.length; i += 4) {
      const word = wordAt(nonce, i);
      high = mixedHigh(high, word);
      low = mixedLow(low, word);
    }
    this.#high = finish(high ^ Math.imul(low, 0x9e3779b1));
    this.#low = finish(low);
  }
}

/** Four characters of ASCII, or what is left of them. */
function wordAt(text: string, at: number): number {
  const left = text.length - at;
  let word = text.charCodeAt(at);
  if (left > 1) word ^= text.charCodeAt(at + 1) << 8;
  if (left > 2) word ^= text.charCodeAt(at + 2) << 16;
  if (left > 3) word ^= text.charCodeAt(at + 3) << 24;
  return word;
}

function mixedHigh(lane: number, word: number): number {
  const product = Math.imul(lane ^ word, 0x85ebca6b);
  return product ^ (product >>> 15);
}

function mixedLow(lane: number, word: number): number {
  const product = Math.imul(lane ^ word, 0xc2b2ae35);
  return product ^ (product >>> 13);
}

function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function put(slots: Uint32Array, at: number, high: number, low: number, expiresAt: number): void {
  slots[at] = high;
  slots[at + 1] = low;
  slots[at + 2] = expiresAt;
}
