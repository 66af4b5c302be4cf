import { importKey, type MacKey, mac, macMatches } from '#mac';
import type { Algorithm } from './algorithm.js';
import { decodeBase64, encodeBase64Url } from './base64.js';
import { BASE64URL } from './grammar.js';

/** The fewest bytes a secret may have. */
export const MIN_SECRET_BYTES = 32;

const PREFIX = 'csk_';

/**
 * A shared secret. It signs and compares, and shows itself to nobody: `inspect`, `JSON.stringify`, string
 * concatenation and stacks give `[secret]`.
 *
 * @example Secret.from('csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8')
 */
export class Secret {
  readonly #bytes: Uint8Array;
  // A service may hold a million secrets, and mostly uses each with one algorithm.
  #key256: MacKey | undefined;
  #key512: MacKey | undefined;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Takes a secret from text (`csk_` + base64url without padding) or from raw bytes. No other text form is guessed.
   *
   * @param value - text, or at least 32 bytes (copied)
   * @throws TypeError if it is not such a text, RangeError if it is too short; neither repeats the value
   */
  static from(value: string | Uint8Array | Secret): Secret {
    if (value instanceof Secret) return value;
    let bytes: Uint8Array;
    if (typeof value === 'string') {
      const body = value.slice(PREFIX.length);
      if (!value.startsWith(PREFIX) || !BASE64URL.test(body)) {
        throw new TypeError('secret: expected "csk_" followed by base64url without padding');
      }
      bytes = decodeBase64(body);
    } else if (value instanceof Uint8Array) {
      bytes = Uint8Array.from(value);
    } else {
      throw new TypeError('secret: expected a string ("csk_…") or a Uint8Array');
    }
    if (bytes.length < MIN_SECRET_BYTES) {
      throw new RangeError(
        `secret: ${bytes.length} bytes are too few; at least ${MIN_SECRET_BYTES} are needed`,
      );
    }
    return new Secret(bytes);
  }

  /** Padded base64 of the MAC over `text`. */
  sign(algorithm: Algorithm, text: string): string {
    return mac(this.#key(algorithm), text);
  }

  /** True if `signature` (canonical base64) is the MAC over `text`; compared in constant time. */
  verify(algorithm: Algorithm, text: string, signature: string): boolean {
    return macMatches(this.#key(algorithm), text, signature);
  }

  /** The secret as text, for handing it to its owner. The only way to see it. */
  expose(): string {
    return PREFIX + encodeBase64Url(this.#bytes);
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }

  #key(algorithm: Algorithm): MacKey {
    if (algorithm === 'HMAC-256') {
      this.#key256 ??= importKey(algorithm, this.#bytes);
      return this.#key256;
    }
    this.#key512 ??= importKey(algorithm, this.#bytes);
    return this.#key512;
  }
}
