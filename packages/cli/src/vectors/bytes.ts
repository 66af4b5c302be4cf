/** The body of a vector: `body` as UTF-8, or `bodyBase64`, or nothing. */
export function bytesOf(vector: { readonly body?: string; readonly bodyBase64?: string }): Buffer {
  return vector.bodyBase64 === undefined
    ? Buffer.from(vector.body ?? '')
    : Buffer.from(vector.bodyBase64, 'base64');
}
