import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderFields } from './header-fields.js';
import { Refusal } from './refusal.js';
import {
  formatAuthenticationInfo,
  parseAuthenticationInfo,
  responseSignedHeaders,
} from './response-signature.js';

const name = fc
  .stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,20}$/)
  .filter((text) => !['host', 'te', 'trailer', 'upgrade', 'connection'].includes(text));
const names = fc
  .uniqueArray(name, { minLength: 1, maxLength: 32 })
  .map((list) => list.sort((a, b) => (a < b ? -1 : 1)));
const signature = fc
  .oneof(
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.uint8Array({ minLength: 64, maxLength: 64 }),
  )
  .map((bytes) => Buffer.from(bytes).toString('base64'));

describe('an Authentication-Info field', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(names, signature, (signedHeaders, text) => {
        const value = formatAuthenticationInfo(signedHeaders, text);
        expect(parseAuthenticationInfo(value)).toEqual({ signedHeaders, signature: text });
      }),
      { numRuns: 1000 },
    );
  });

  it('has one spelling but for one space: what is read is written again as it was', () => {
    const part = fc.constantFrom(
      ...['SignedHeaders=', 'Signature=', ',', ', ', ';', 'date', 'content-type', 'host', ' ', '"'],
      ...['A'.repeat(43), 'A'.repeat(86), '=', '==', '\n', 'é', 'authentication-info', 'Date'],
    );
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 9 }).map((parts) => parts.join('')),
      fc
        .tuple(part, part, part)
        .map(([a, b, c]) => `SignedHeaders=${a}${b},Signature=${c}${'A'.repeat(42)}=`),
    );
    fc.assert(
      fc.property(value, (text) => {
        const info = parseAuthenticationInfo(text);
        if (info instanceof Refusal) {
          expect(info.code).toBe('authorization_malformed');
          return;
        }
        const written = formatAuthenticationInfo(info.signedHeaders, info.signature);
        expect(written).toBe(text.replace(', ', ','));
      }),
      { numRuns: 5000 },
    );
  });

  it('may not sign itself, nor Host, nor what belongs to one hop', () => {
    for (const listed of ['authentication-info', 'host', 'authorization', 'connection']) {
      const value = formatAuthenticationInfo([listed], `${'A'.repeat(43)}=`);
      expect(parseAuthenticationInfo(value)).toBeInstanceOf(Refusal);
    }
  });
});

describe('the fields a response must sign', () => {
  it.each([
    [[], false, ['date']],
    [[], true, ['content-digest', 'date']],
    [['Content-Type', 'a'], false, ['content-type', 'date']],
    [
      ['Content-Encoding', 'gzip', 'Content-Type', ''],
      true,
      ['content-digest', 'content-encoding', 'content-type', 'date'],
    ],
    [['Content-Digest', 'x', 'ETag', '"1"'], false, ['date']],
  ])('of %j with a body: %s', (raw, hasBody, expected) => {
    expect(responseSignedHeaders(new HeaderFields(raw), hasBody)).toEqual(expected);
  });
});
