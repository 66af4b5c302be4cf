const COMMON = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const STANDARD = [...`${COMMON}+/`];
const URL_SAFE = [...`${COMMON}-_`];
const VALUES = new Uint8Array(128);
for (const alphabet of [STANDARD, URL_SAFE]) {
  for (const [value, character] of alphabet.entries()) VALUES[character.charCodeAt(0)] = value;
}

/** Standard base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, STANDARD) + ['', '==', '='][bytes.length % 3];
}

/** base64url without padding (RFC 4648 §5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE);
}

function encode(bytes: Uint8Array, alphabet: readonly string[]): string {
  let out = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0x3fff; // never more than 6 + 8 bits are of use
    held += 8;
    while (held >= 6) {
      held -= 6;
      out += alphabet[(bits >> held) & 63];
    }
  }
  return held > 0 ? out + alphabet[(bits << (6 - held)) & 63] : out;
}

/** Decodes either alphabet. The text must already have passed `BASE64` or `BASE64URL` of the grammar: nothing is checked. */
export function decodeBase64(text: string): Uint8Array {
  const length = text.endsWith('==')
    ? text.length - 2
    : text.endsWith('=')
      ? text.length - 1
      : text.length;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let held = 0;
  let written = 0;
  for (let i = 0; i < length; i++) {
    bits = ((bits << 6) | (VALUES[text.charCodeAt(i)] as number)) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[written++] = (bits >> held) & 0xff;
    }
  }
  return bytes;
}
