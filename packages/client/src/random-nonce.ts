import { encodeBase64Url } from '@countersign/core';

const NONCE_BYTES = 16;
// One call for random bytes costs more than the rest of signing; 256 nonces share it.
const pool = new Uint8Array(256 * NONCE_BYTES);
let used = pool.length;

/** 128 random bits as 22 base64url characters; no bits are used twice. */
export function randomNonce(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const bytes = pool.subarray(used, used + NONCE_BYTES);
  used += NONCE_BYTES;
  return encodeBase64Url(bytes);
}
