import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { Algorithm } from './algorithm.js';
import { decodeBase64, encodeBase64 } from './base64.js';
import type { RunningDigest } from './mac.js';

// The functions of `mac.ts` for browsers and workers. Bundled with @noble/hashes; Node never loads this file.

/** A secret made ready for one algorithm: the HMAC state after the padded key, cloned for each text. */
export type MacKey = ReturnType<typeof hmac.create>;

const encoder = new TextEncoder();

export function importKey(algorithm: Algorithm, secret: Uint8Array): MacKey {
  return hmac.create(algorithm === 'HMAC-256' ? sha256 : sha512, secret);
}

export function mac(key: MacKey, text: string): string {
  return encodeBase64(macBytes(key, text));
}

export function macMatches(key: MacKey, text: string, signature: string): boolean {
  const expected = macBytes(key, text);
  const actual = decodeBase64(signature);
  if (actual.length !== expected.length) return false;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    difference |= (expected[i] as number) ^ (actual[i] as number);
  }
  return difference === 0;
}

export function digest(algorithm: 'sha-256' | 'sha-512', data: Uint8Array | string): string {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  return encodeBase64(algorithm === 'sha-256' ? sha256(bytes) : sha512(bytes));
}

export function runningDigest(algorithm: 'sha-256' | 'sha-512'): RunningDigest {
  const state = (algorithm === 'sha-256' ? sha256 : sha512).create();
  return { update: (data) => state.update(data), digest: () => encodeBase64(state.digest()) };
}

function macBytes(key: MacKey, text: string): Uint8Array {
  return key.clone().update(encoder.encode(text)).digest();
}
