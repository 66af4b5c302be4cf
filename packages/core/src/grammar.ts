// The character rules of the protocol, one name each. All are single classes with a bound: matching is linear.

/** RFC 9110 §5.6.2 token. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const METHODS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
]);

/** A method (RFC 9110 §9.1) is a token, and nearly always one of a few. */
export function isMethod(text: string): boolean {
  return METHODS.has(text) || TOKEN.test(text);
}

/** A token without upper case: the form of a name in SignedHeaders. */
export const LOWER_CASE_TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Who signs: 1–128 characters. */
export const CREDENTIAL = /^[A-Za-z0-9._-]{1,128}$/;

const NONCE_CHARACTERS = /^[A-Za-z0-9_-]+$/;

let lastNonce = '';

/** What makes a request unique: 16–128 of `A-Z a-z 0-9 _ -`. */
export function isNonce(text: string): boolean {
  if (text === lastNonce) return true; // two stages ask
  // A count in the pattern would cost half as much again.
  const is = text.length >= 16 && text.length <= 128 && NONCE_CHARACTERS.test(text);
  if (is) lastNonce = text;
  return is;
}

/** What a signed header value may hold: SP, HTAB and the visible ASCII characters. */
export const FIELD_VALUE = /^[\t !-~]*$/;

/** Standard base64 with padding, canonical: the unused bits of the last character are zero (RFC 4648 §3.5). */
export const BASE64 =
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;

const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]+[AEIMQUYcgkosw048]=$/;
const BASE64_OF_64_BYTES = /^[A-Za-z0-9+/]+[AQgw]==$/;

/** True for {@link BASE64} of exactly so many bytes, as a SHA-256 or SHA-512 and their HMACs have. */
export function isBase64Of(bytes: 32 | 64, text: string): boolean {
  return bytes === 32
    ? text.length === 44 && BASE64_OF_32_BYTES.test(text)
    : text.length === 88 && BASE64_OF_64_BYTES.test(text);
}

/** base64url without padding, canonical. */
export const BASE64URL =
  /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/;

/** Removes optional white space (SP, HTAB; RFC 9110 §5.6.3) from both ends, and nothing else. */
export function trimOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start++;
  while (end > start && isOws(value.charCodeAt(end - 1))) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
