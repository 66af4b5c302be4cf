import type { Algorithm } from './algorithm.js';

/** The parts of the text that is signed, each already in its canonical form. */
export interface StringToSignParts {
  readonly algorithm: Algorithm;
  readonly credential: string;
  /** As sent, case kept. */
  readonly method: string;
  /** From `canonicalTarget`. */
  readonly target: string;
  /** From `headerLines`. */
  readonly headerLines: string;
}

/**
 * The text that is signed. Every part stands on a line of its own that ends in LF, so no two requests share a text.
 *
 * The credential is in it, because HMAC keys are padded: a key and the same key with a zero byte appended give one MAC.
 */
export function stringToSign(parts: StringToSignParts): string {
  return `${parts.algorithm}\n${parts.credential}\n${parts.method}\n${parts.target}\n${parts.headerLines}`;
}
