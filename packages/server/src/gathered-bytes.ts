// Beyond so many, pieces cost more than their bytes: a million of one byte each would take a quarter of a gigabyte.
const MOST_PIECES = 64;

/**
 * Puts a body together from its pieces. What is held is at most three times the bytes that arrived, however small the pieces
 * are; a body of one piece is not copied.
 *
 * @typeParam B - the kind of bytes it gives
 */
export class GatheredBytes<B extends Uint8Array> {
  readonly #allocate: (size: number) => B;
  #pieces: B[] = [];
  // All that came, with room for more, once there were too many pieces.
  #buffer: B | undefined;
  #size = 0;

  constructor(allocate: (size: number) => B) {
    this.#allocate = allocate;
  }

  /** How many bytes have come. */
  get size(): number {
    return this.#size;
  }

  add(piece: B): void {
    const size = this.#size + piece.length;
    if (this.#buffer === undefined) {
      this.#pieces.push(piece);
      this.#size = size;
      if (this.#pieces.length > MOST_PIECES) {
        this.#buffer = this.#joined(size * 2);
        this.#pieces = [];
      }
      return;
    }
    if (size > this.#buffer.length) {
      const larger = this.#allocate(size * 2);
      larger.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#size);
    this.#size = size;
  }

  /** All of them. */
  bytes(): B {
    if (this.#buffer !== undefined) return this.#buffer.subarray(0, this.#size) as B;
    return this.#pieces.length === 1 ? (this.#pieces[0] as B) : this.#joined(this.#size);
  }

  #joined(capacity: number): B {
    const whole = this.#allocate(capacity);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}
