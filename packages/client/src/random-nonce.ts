const ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const LENGTH = 22;
// One call for random bytes costs more than the rest of signing; 128 nonces share it. A nonce is cut out of the text of
// all, which saves a twentieth of signing over putting it together.
const bytes = new Uint8Array(128 * LENGTH);
const decoder = new TextDecoder();
let text = '';
let used = 0;

/** 128 random bits as 22 base64url characters: six bits in each, two in the last. No bits are used twice. */
export function randomNonce(): string {
  if (used === text.length) refill();
  const start = used;
  used += LENGTH;
  return text.slice(start, used);
}

function refill(): void {
  crypto.getRandomValues(bytes);
  for (let end = LENGTH; end <= bytes.length; end += LENGTH) {
    bytes[end - 1] = (bytes[end - 1] as number) & 0b11_0000;
    for (let i = end - LENGTH; i < end; i++) bytes[i] = CODES[(bytes[i] as number) & 63] as number;
  }
  text = decoder.decode(bytes);
  used = 0;
}
