import {
  createHash,
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import type { Algorithm } from './algorithm.js';

// The only place that computes. `mac-portable.ts` has the same functions for runtimes without node:crypto.

/** A secret made ready for one algorithm. */
export interface MacKey {
  readonly hash: 'sha256' | 'sha512';
  readonly key: KeyObject;
}

// Where two MACs are laid side by side, as base64. New buffers for each request cost a fifth of the comparison, and some for each key
// as much again where there are many.
const SIDES = {
  sha256: { expected: Buffer.alloc(44), actual: Buffer.alloc(44) },
  sha512: { expected: Buffer.alloc(88), actual: Buffer.alloc(88) },
};

/** Prepares a key once, so that no request pays for it. */
export function importKey(algorithm: Algorithm, secret: Uint8Array): MacKey {
  return {
    hash: algorithm === 'HMAC-256' ? 'sha256' : 'sha512',
    key: createSecretKey(secret),
  };
}

/** HMAC (RFC 2104) of an ASCII text, as padded base64. */
export function mac(key: MacKey, text: string): string {
  return createHmac(key.hash, key.key).update(text).digest('base64');
}

/** Compares in constant time. Canonical base64 of equal bytes is equal text; any other length than the MAC's is false. */
export function macMatches(key: MacKey, text: string, signature: string): boolean {
  const { expected, actual } = SIDES[key.hash];
  if (signature.length !== actual.length) return false;
  actual.write(signature, 'latin1');
  expected.write(mac(key, text), 'latin1');
  return timingSafeEqual(actual, expected);
}

/** SHA-2 (FIPS 180-4) of bytes, or of the UTF-8 bytes of a string, as padded base64. */
export function digest(algorithm: 'sha-256' | 'sha-512', data: Uint8Array | string): string {
  return hash(algorithm === 'sha-256' ? 'sha256' : 'sha512', data, 'base64');
}

/** A digest of bytes that come in pieces. */
export interface RunningDigest {
  update(data: Uint8Array): unknown;
  /** Padded base64, once. */
  digest(): string;
}

/** SHA-2 of bytes that come in pieces. */
export function runningDigest(algorithm: 'sha-256' | 'sha-512'): RunningDigest {
  const state = createHash(algorithm === 'sha-256' ? 'sha256' : 'sha512');
  return { update: (data) => state.update(data), digest: () => state.digest('base64') };
}
