import {
  type HeaderFields,
  Refusal,
  type RunningContentDigest,
  runningContentDigest,
} from '@countersign/core';

/** Most bytes of a body, and the refusal of one that has more. */
export interface WatchLimit {
  readonly maxBytes: number;
  readonly exceeded: () => Refusal;
}

/** Judges a body while it is handed on: each piece goes in here, and what comes out may be seen. */
export class BodyWatch {
  readonly #digest: RunningContentDigest | undefined;
  readonly #declared: number | undefined;
  readonly #limit: WatchLimit;
  readonly #onRefused: (refusal: Refusal) => void;
  #size = 0;
  #held: Uint8Array | undefined;

  private constructor(
    digest: RunningContentDigest | undefined,
    declared: number | undefined,
    limit: WatchLimit,
    onRefused: (refusal: Refusal) => void,
  ) {
    this.#digest = digest;
    this.#declared = declared;
    this.#limit = limit;
    this.#onRefused = onRefused;
  }

  /** @returns a refusal with `digest_malformed` if the digest that was sent cannot be used */
  static of(
    fields: HeaderFields,
    limit: WatchLimit,
    onRefused: (refusal: Refusal) => void,
  ): BodyWatch | Refusal {
    const value = fields.get('content-digest');
    const digest = value === undefined ? undefined : runningContentDigest(value);
    if (digest instanceof Refusal) return digest;
    const length = fields.get('content-length');
    const declared = length === undefined ? undefined : Number(length);
    return new BodyWatch(digest, declared, limit, onRefused);
  }

  /** Takes a piece, and gives what may be seen now: the piece before it, so that the last one waits for the digest. */
  take(piece: Uint8Array): Uint8Array | undefined | Refusal {
    if (piece.length === 0) return undefined;
    this.#size += piece.length;
    if (this.#size > this.#limit.maxBytes) return this.refuse(this.#limit.exceeded());
    if (this.#digest === undefined) return piece;
    this.#digest.update(piece);
    const before = this.#held;
    this.#held = piece;
    return before;
  }

  /** The last piece, once the whole body holds. */
  end(): Uint8Array | undefined | Refusal {
    if (this.#declared !== undefined && this.#declared !== this.#size) {
      const what = `${this.#size} bytes arrived; Content-Length said ${this.#declared}.`;
      return this.refuse(new Refusal('body_incomplete', what));
    }
    const fault = this.#digest?.check();
    return fault === undefined ? this.#held : this.refuse(fault);
  }

  /** Reports what the source found by itself, such as a body that is too slow. */
  refuse(refusal: Refusal): Refusal {
    this.#onRefused(refusal);
    return refusal;
  }
}
