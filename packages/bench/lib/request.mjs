// The request that everything signs: a POST with 1 KiB of JSON.
export const CREDENTIAL = 'orders-service';
export const SECRET = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
export const SECRET_BYTES = Buffer.from(SECRET.slice('csk_'.length), 'base64url');
export const HOST = 'api.example.com';
export const TARGET = '/v1/orders?limit=10&tag=a';
export const URL_TEXT = `https://${HOST}${TARGET}`;
export const TYPE = 'application/json';

/** JSON of so many bytes, at least 16. */
export function jsonOf(bytes) {
  return Buffer.from(JSON.stringify({ note: 'x'.repeat(bytes - 11) }));
}

export const BODY = jsonOf(1024);

/** A parser makes new, flat strings for each request; what was put together here would be faster, or slower. */
export const offTheWire = (text) => Buffer.from(text, 'latin1').latin1Slice();

/** The same of all values of an object of header fields, with lower-case names. */
export function parsedHeaders(headers) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      offTheWire(name.toLowerCase()),
      offTheWire(value),
    ]),
  );
}

/** A copy with one byte of the body altered. */
export function alteredBody(body) {
  const copy = Buffer.from(body);
  copy[20] ^= 1;
  return copy;
}
