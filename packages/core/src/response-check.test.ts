import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatContentDigest } from './content-digest.js';
import { formatImfDate } from './dates.js';
import { HeaderFields } from './header-fields.js';
import { headerLines } from './header-lines.js';
import { type AnsweredRequest, checkResponse } from './response-check.js';
import {
  formatAuthenticationInfo,
  responseSignedHeaders,
  responseStringToSign,
} from './response-signature.js';
import { Secret } from './secret.js';

const request: AnsweredRequest = {
  algorithm: 'HMAC-256',
  credential: 'orders-service',
  secret: Secret.from(new Uint8Array(32).fill(7)),
  signature: `${'A'.repeat(43)}=`,
};

const response = fc.record({
  status: fc.integer({ min: 200, max: 599 }),
  body: fc.uint8Array({ maxLength: 40 }),
  type: fc.option(fc.stringMatching(/^[!-~]{1,20}$/)),
  encoding: fc.option(fc.constantFrom('gzip', 'br')),
  seconds: fc.integer({ min: 0, max: 4_102_444_800 }),
});

type Response = typeof response extends fc.Arbitrary<infer T> ? T : never;

function signed({ status, body, type, encoding, seconds }: Response): string[] {
  const raw = [
    ...['Date', formatImfDate(seconds)],
    ...(type === null ? [] : ['Content-Type', type]),
    ...(encoding === null ? [] : ['Content-Encoding', encoding]),
    ...(body.length === 0 ? [] : ['Content-Digest', formatContentDigest(body)]),
  ];
  const fields = new HeaderFields(raw);
  const names = responseSignedHeaders(fields, body.length > 0);
  const { algorithm, credential, signature: requestSignature } = request;
  const lines = headerLines(names, fields, '');
  const text = responseStringToSign({
    ...{ algorithm, credential, requestSignature, status },
    headerLines: lines,
  });
  const info = formatAuthenticationInfo(names, request.secret.sign(algorithm, text));
  return [...raw, 'Authentication-Info', info];
}

describe('a response', () => {
  it('that was signed is believed, and no other', () => {
    const change = fc.record({ at: fc.nat(), by: fc.integer({ min: 1, max: 93 }) });
    fc.assert(
      fc.property(response, change, (parts, { at, by }) => {
        const raw = signed(parts);
        const { status, body } = parts;
        const check = (headers: string[], bytes = body, code = status, asked = request) =>
          checkResponse({ status: code, body: bytes, fields: new HeaderFields(headers) }, asked);
        expect(check(raw)).toBeUndefined();

        // Any visible character of any value, for another one.
        const index = (at % (raw.length / 2)) * 2 + 1;
        const value = raw[index] as string;
        const place = at % value.length;
        const code = ((value.charCodeAt(place) - 33 + by) % 94) + 33;
        const altered = value.slice(0, place) + String.fromCharCode(code) + value.slice(place + 1);
        if (altered !== value) expect(check(raw.with(index, altered))).toBeDefined();

        expect(check(raw, Uint8Array.from([...body, by]))).toBeDefined();
        expect(check(raw, body, status + by)?.reason).toBe('signature_mismatch');
        const others = [
          { ...request, signature: `B${request.signature.slice(1)}` },
          { ...request, credential: 'orders-servicf' },
          { ...request, algorithm: 'HMAC-512' as const },
          { ...request, secret: Secret.from(new Uint8Array(32).fill(8)) },
        ];
        for (const other of others) {
          expect(check(raw, body, status, other)?.reason).toBe('signature_mismatch');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of any other kind has its fault told', () => {
    const name = fc.constantFrom('Date', 'Content-Type', 'Content-Digest', 'Authentication-Info');
    const raw = fc
      .array(fc.tuple(name, fc.string({ unit: 'binary' })), { maxLength: 6 })
      .map((pairs) => pairs.flat());
    fc.assert(
      fc.property(raw, fc.uint8Array({ maxLength: 3 }), fc.integer(), (headers, body, status) => {
        const fields = new HeaderFields(headers);
        expect(checkResponse({ status, body, fields }, request)?.detail).toBeTypeOf('string');
      }),
    );
  });
});
