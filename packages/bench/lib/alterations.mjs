// Copies of a signed request with one thing altered: whoever says that it signs this thing must refuse them.
import { alteredBody } from './request.mjs';

/** A copy with one header field altered, of `{ request: { method, url, headers }, body }`. */
export function withHeader(item, name, alter) {
  const { headers } = item.request;
  const value = alter(headers[name]);
  if (value === headers[name]) throw new Error(`${name}: it stayed the same`);
  return { ...item, request: { ...item.request, headers: { ...headers, [name]: value } } };
}

/** Alterations of `{ request: { method, url, headers }, body }`. */
export const ALTERED = {
  method: (item) => ({ ...item, request: { ...item.request, method: 'PUT' } }),
  target: (item) => ({ ...item, request: { ...item.request, url: `${item.request.url}0` } }),
  host: (item) => withHeader(item, 'host', () => 'example.net'),
  type: (item) => withHeader(item, 'content-type', () => 'text/plain'),
  body: (item) => ({ ...item, body: altered(item.body) }),
};

function altered(body) {
  return typeof body === 'string' ? alteredBody(Buffer.from(body)).toString() : alteredBody(body);
}

/** Another character where the pattern finds one. */
export const otherCharacter = (text, pattern) =>
  text.replace(pattern, (character) => (character === '0' ? '1' : '0'));

/** A number that is less by one where the pattern finds one. */
export const oneLess = (text, pattern) => text.replace(pattern, (digits) => `${digits - 1}`);

export const HOUR = 3_600_000; // milliseconds
