const ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
const PAIRS = ALPHABET.flatMap((first) => ALPHABET.map((second) => first + second));
const PAIRS_OF_A_NONCE = 11;
// One call for random bytes costs more than the rest of signing; 128 nonces share it.
const pool = new Uint16Array(128 * PAIRS_OF_A_NONCE);
let used = pool.length;

/** 128 random bits as 22 base64url characters: twelve bits in each pair, eight in the last. No bits are used twice. */
export function randomNonce(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const last = used + PAIRS_OF_A_NONCE - 1;
  let nonce = '';
  while (used < last) nonce += PAIRS[(pool[used++] as number) & 0xfff];
  return nonce + PAIRS[(pool[used++] as number) & 0xff0];
}
