const ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
const LENGTH = 22;
// One call for random bytes costs more than the rest of signing; 128 nonces share it.
const pool = new Uint8Array(128 * LENGTH);
let used = pool.length;

/** 128 random bits as 22 base64url characters: six bits in each, two in the last. No bits are used twice. */
export function randomNonce(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const last = used + LENGTH - 1;
  let nonce = '';
  while (used < last) nonce += ALPHABET[(pool[used++] as number) & 63];
  return nonce + ALPHABET[((pool[used++] as number) & 3) << 4];
}
