/** A body whose bytes are there at once. A string stands for its UTF-8 bytes. */
export type SignableBody = string | Uint8Array | ArrayBuffer | URLSearchParams;

/** What URLSearchParams are sent as (Fetch, "extract a body"). */
export const FORM_CONTENT_TYPE = 'application/x-www-form-urlencoded;charset=UTF-8';

/**
 * The bytes that will be sent.
 *
 * @throws TypeError for anything whose bytes are not there at once, such as a stream, Blob or FormData
 */
export function bodyBytes(body: SignableBody): Uint8Array | string {
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (body instanceof URLSearchParams) return body.toString();
  throw new TypeError(
    `body: expected a string, Uint8Array, ArrayBuffer or URLSearchParams, got ${describe(body)}; for other bodies give "digest"`,
  );
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a ${typeof value}`;
  return value.constructor?.name ?? 'an object';
}
