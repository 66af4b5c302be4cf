import type { SignableBody } from '@countersign/client';
import fc from 'fast-check';
import type { SignedRequestOptions } from '../signed-request.js';
import { credentials, nonces, text } from './identifiers.js';
import { targets } from './targets.js';

const VISIBLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)).join('');
const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'patch',
  'post',
  'PURGE',
  'M-SEARCH',
  '!',
];
const HOSTS = [
  'api.example.com',
  'API.Example.COM',
  'localhost:8080',
  'a_b.test',
  '127.0.0.1:65535',
  '[::1]',
  '[2001:DB8::1]:8443',
];
const EXTRA_FIELDS = [
  'X-Request-Id',
  'x-tenant',
  'Accept',
  'Idempotency-Key',
  '__proto__',
  'constructor',
  "x!#$%&'*+.^_`|~",
];
const CONTENT_TYPES = [
  'application/json',
  'text/plain;charset=UTF-8',
  'multipart/form-data; boundary="a b"',
];

/** Values that a signed field can have, white space around them included. */
export function headerValues(): fc.Arbitrary<string> {
  return text(`${VISIBLE} \t`, 0, 100);
}

/** Requests that can be signed, each with its signer: give them to `signedRequest`. `url` is text; `now` is left out. */
export function requests(): fc.Arbitrary<SignedRequestOptions & { readonly url: string }> {
  return fc
    .record({
      method: fc.constantFrom(...METHODS),
      protocol: fc.constantFrom('http', 'https'),
      host: fc.constantFrom(...HOSTS),
      target: targets(),
      fields: fc.uniqueArray(fc.tuple(fc.constantFrom(...EXTRA_FIELDS), headerValues()), {
        selector: ([name]) => name,
        maxLength: EXTRA_FIELDS.length,
      }),
      signedCount: fc.nat(EXTRA_FIELDS.length),
      contentType: fc.option(fc.constantFrom(...CONTENT_TYPES), { nil: undefined }),
      contentEncoding: fc.option(fc.constantFrom('gzip', 'br'), { nil: undefined }),
      override: fc.option(fc.constantFrom('DELETE', 'PUT'), { nil: undefined, freq: 9 }),
      body: bodies(),
      credential: credentials(),
      algorithm: fc.constantFrom('HMAC-256' as const, 'HMAC-512' as const),
      secret: fc.uint8Array({ minLength: 32, maxLength: 200 }),
      dateHeader: fc.constantFrom('date' as const, 'x-date' as const),
      nonce: nonces(),
    })
    .map(({ protocol, host, target, fields, signedCount, nonce, ...rest }) => {
      const { contentType, contentEncoding, override, ...request } = rest;
      const headers: [string, string][] = [...fields];
      if (contentType !== undefined) headers.push(['Content-Type', contentType]);
      if (contentEncoding !== undefined) headers.push(['content-encoding', contentEncoding]);
      if (override !== undefined) headers.push(['X-HTTP-Method-Override', override]);
      return {
        ...request,
        url: `${protocol}://${host}${target}`,
        headers,
        signedHeaders: fields.slice(0, signedCount).map(([name]) => name),
        nonce: () => nonce,
      };
    });
}

function bodies(): fc.Arbitrary<SignableBody | null> {
  const bytes = fc.uint8Array({ maxLength: 300 });
  return fc.oneof(
    fc.constant(null),
    fc.string({ unit: 'binary', maxLength: 100 }),
    bytes,
    bytes.map(({ buffer }) => buffer as ArrayBuffer),
    fc
      .array(fc.tuple(fc.string(), fc.string()), { maxLength: 4 })
      .map((pairs) => new URLSearchParams(pairs)),
  );
}
