import { Counters } from './counters.js';

// So many are taken off with each claim, which adds one at most: what has expired never piles up. So many, which takes some tenths
// of a millisecond, before one is told that it has too many.
const AT_ONCE = 16;
const AT_MOST = 16_384;
// Of a second that few expire in, little is kept; of one with many, no block is so large that making it takes long.
const FIRST_BLOCK = 8;
const LARGEST_BLOCK = 4_096;

/** The owners of what expires in one second, each as often as it has nonces there. */
export class Owners {
  readonly #blocks: Int32Array[] = [new Int32Array(FIRST_BLOCK)];
  #used = 0; // of the last block

  push(owner: number): void {
    let block = this.#last;
    if (this.#used === block.length) {
      block = new Int32Array(Math.min(2 * block.length, LARGEST_BLOCK));
      this.#blocks.push(block);
      this.#used = 0;
    }
    block[this.#used++] = owner;
  }

  pop(): number | undefined {
    if (this.#used === 0) {
      if (this.#blocks.length === 1) return undefined;
      this.#blocks.pop();
      this.#used = this.#last.length;
    }
    return this.#last[--this.#used];
  }

  get #last(): Int32Array {
    return this.#blocks[this.#blocks.length - 1] as Int32Array;
  }
}

/**
 * How many live nonces each credential has, told apart by 32 bits that stand for it: some bytes a nonce, however many
 * credentials there are.
 */
export class Shares {
  readonly #live = new Counters();
  // Of seconds that have passed, not yet taken off.
  readonly #leaving: Owners[] = [];

  /** True if the owner has so many. */
  has(owner: number, most: number): boolean {
    this.#settle(AT_ONCE);
    if (this.#live.of(owner) < most) return false;
    this.#settle(AT_MOST);
    return this.#live.of(owner) >= most;
  }

  /** One more, which goes again with the others of its second. */
  add(owner: number, second: Owners): void {
    this.#live.add(owner, 1);
    second.push(owner);
  }

  /** All that expired in a second is to be taken off, by and by. */
  drop(second: Owners): void {
    this.#leaving.push(second);
  }

  /** Takes some of it off, what has left first: many at once would hold up the claim that comes first in a second. */
  #settle(most: number): void {
    for (let i = 0; i < most && this.#leaving.length > 0; i++) {
      const owner = (this.#leaving[0] as Owners).pop();
      if (owner === undefined) this.#leaving.shift();
      else this.#live.add(owner, -1);
    }
  }
}
