import { digest, runningDigest } from '#mac';
import { BASE64, isBase64Of, trimOws } from './grammar.js';
import { Refusal } from './refusal.js';

/** The digest algorithms that count (RFC 9530 §5). Others may be present and are ignored. */
export type DigestAlgorithm = 'sha-256' | 'sha-512';

/** A Content-Digest field that was read: base64 of each algorithm that counts; at least one is present. */
export interface ContentDigest {
  readonly 'sha-256'?: string;
  readonly 'sha-512'?: string;
}

const COLON = 0x3a;
const KEY = /^[a-z*][a-z0-9_.*-]*$/;
/**
 * Writes the Content-Digest of a body (RFC 9530 §2).
 *
 * @param body - the bytes on the wire, after content coding; a string stands for its UTF-8 bytes
 * @param algorithm - `sha-256` unless said otherwise
 * @example formatContentDigest('') // 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
 */
export function formatContentDigest(
  body: Uint8Array | string,
  algorithm: DigestAlgorithm = 'sha-256',
): string {
  return `${algorithm}=:${digest(algorithm, body)}:`;
}

/**
 * Reads a Content-Digest field: a dictionary of byte sequences (RFC 9530 §2, RFC 9651 §3.2) without parameters.
 *
 * @returns the digests that count, or a refusal with `digest_malformed`
 */
export function parseContentDigest(value: string): ContentDigest | Refusal {
  const found: { -readonly [K in DigestAlgorithm]?: string } = {};
  for (const part of value.split(',')) {
    const member = trimOws(part);
    const equals = member.indexOf('=:');
    if (equals === -1 || !member.endsWith(':') || member.length < equals + 3) {
      return malformed('a member is not of the form key=:base64:');
    }
    const key = member.slice(0, equals);
    const base64 = member.slice(equals + 2, -1);
    if (!KEY.test(key) || !BASE64.test(base64))
      return malformed('a member is not key=:canonical base64:');
    if (key !== 'sha-256' && key !== 'sha-512') continue;
    if (found[key] !== undefined) return malformed(`${key} occurs twice`);
    if (!isBase64Of(key === 'sha-256' ? 32 : 64, base64))
      return malformed(`${key} has the wrong length`);
    found[key] = base64;
  }
  if (found['sha-256'] === undefined && found['sha-512'] === undefined) {
    return malformed('neither sha-256 nor sha-512 is present');
  }
  return found;
}

/**
 * Compares a body with the Content-Digest sent for it. Every algorithm that counts and is present must match.
 *
 * @returns `undefined` if it holds, or a refusal with `digest_malformed` or `digest_mismatch`
 */
export function checkContentDigest(value: string, body: Uint8Array): Refusal | undefined {
  // The usual form needs no parsing to be seen to hold.
  if (value.length === 54 && value.slice(0, 9) === 'sha-256=:' && value.charCodeAt(53) === COLON) {
    if (value.slice(9, 53) === digest('sha-256', body)) return undefined;
  }
  const expected = parseContentDigest(value);
  if (expected instanceof Refusal) return expected;
  // A digest is no secret: the sender knows both sides, so plain comparison tells nothing.
  for (const algorithm of ['sha-256', 'sha-512'] as const) {
    const sent = expected[algorithm];
    if (sent !== undefined && sent !== digest(algorithm, body)) {
      return mismatch(algorithm, body.length);
    }
  }
  return undefined;
}

/** Compares a body that comes in pieces with its Content-Digest. */
export interface RunningContentDigest {
  update(piece: Uint8Array): void;
  /** `undefined` if the whole body holds, or a refusal with `digest_mismatch`. Once, at the end. */
  check(): Refusal | undefined;
}

/**
 * Prepares the comparison of a body that is not held in memory. Every algorithm that counts and is present must match.
 *
 * @param value - value of the Content-Digest field
 * @returns a refusal with `digest_malformed` if the field cannot be used
 */
export function runningContentDigest(value: string): RunningContentDigest | Refusal {
  const expected = parseContentDigest(value);
  if (expected instanceof Refusal) return expected;
  const algorithms = (['sha-256', 'sha-512'] as const).filter((name) => expected[name]);
  const states = algorithms.map((algorithm) => runningDigest(algorithm));
  let length = 0;
  return {
    update(piece) {
      length += piece.length;
      for (const state of states) state.update(piece);
    },
    check() {
      const wrong = algorithms.find((algorithm, i) => states[i]?.digest() !== expected[algorithm]);
      return wrong === undefined ? undefined : mismatch(wrong, length);
    },
  };
}

function mismatch(algorithm: DigestAlgorithm, length: number): Refusal {
  return new Refusal(
    'digest_mismatch',
    `The ${algorithm} of the ${length} bytes that arrived is not the one in Content-Digest.`,
  );
}

function malformed(what: string): Refusal {
  return new Refusal('digest_malformed', `Content-Digest cannot be used: ${what}.`);
}
