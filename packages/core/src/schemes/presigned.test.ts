import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTarget } from '../canonical-target.js';
import { formatBasicDate } from '../dates.js';
import { HeaderFields } from '../header-fields.js';
import { Refusal } from '../refusal.js';
import { Secret } from '../secret.js';
import { MAX_EXPIRES, presignedScheme, presignedStringToSign } from './presigned.js';

const SECRET = Secret.from(new Uint8Array(32).fill(7));
const HOST = new HeaderFields(['host', 'api.example.com']);

const word = fc.stringMatching(/^[a-z0-9~%&=.]{0,6}$/).map((text) => text.replaceAll('%', '%41'));
const ours = fc.record({
  credential: fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/),
  date: fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
  expires: fc.integer({ min: 1, max: MAX_EXPIRES }),
  nonce: fc.option(fc.stringMatching(/^[A-Za-z0-9_-]{16,128}$/), { nil: undefined }),
  algorithm: fc.constantFrom('HMAC-256' as const, 'HMAC-512' as const),
  query: fc.array(fc.tuple(word, word), { maxLength: 4 }),
});

type Ours = typeof ours extends fc.Arbitrary<infer T> ? T : never;

function canonical(target: string): string {
  const result = canonicalTarget(target);
  if (result instanceof Refusal) throw new Error(result.detail);
  return result;
}

/** The pieces of a presigned query, the signature last. */
function presign({ credential, date, expires, nonce, algorithm, query }: Ours): string[] {
  const pieces = [
    ...query.map((pair) => pair.join('=')),
    `X-Hmac-Credential=${credential}`,
    `X-Hmac-Date=${formatBasicDate(date)}`,
    `X-Hmac-Expires=${expires}`,
    ...(nonce === undefined ? [] : [`X-Hmac-Nonce=${nonce}`]),
  ];
  const target = canonical(`/a?${pieces.join('&')}`);
  const host = 'api.example.com';
  const text = presignedStringToSign({ algorithm, credential, target, host });
  const signature = Buffer.from(SECRET.sign(algorithm, text), 'base64').toString('base64url');
  return [...pieces, `X-Hmac-Signature=${signature}`];
}

function parse(target: string, method = 'GET', fields = HOST) {
  return presignedScheme.parse({ method, target, fields });
}

describe('a presigned URL', () => {
  it('is read as it was written, in any order, and its text is the one that was signed', () => {
    const shuffled = ours.chain((parts) => {
      const pieces = presign(parts);
      const order = fc.shuffledSubarray(pieces, { minLength: pieces.length });
      return fc.tuple(fc.constant(parts), order);
    });
    fc.assert(
      fc.property(shuffled, ([parts, pieces]) => {
        const target = `/a?${pieces.join('&')}`;
        const claim = parse(target);
        if (claim === undefined || claim instanceof Refusal) throw new Error('no claim');
        const { credential, algorithm, date, expires, nonce } = parts;
        expect(claim).toMatchObject({ credential, algorithm, signedHeaders: ['host'] });
        expect(presignedScheme.nonce(claim, HOST)).toBe(nonce);
        expect(presignedScheme.validity(claim, HOST, 300)).toEqual({
          ...{ date, from: date - 300, until: date + expires },
        });
        // Pieces of one name may not be moved past each other; then the text is another one.
        const names = parts.query.map(([name]) => name.split(/[=&]/)[0]);
        if (new Set(names).size < names.length || parts.query.flat().join('').includes('&')) return;
        const request = {
          ...{ method: 'GET', target, fields: HOST },
          ...{ canonicalTarget: canonical(target), host: 'api.example.com' },
        };
        const text = presignedScheme.stringToSign(claim, request);
        expect(SECRET.verify(algorithm, text, claim.signature)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is not good once any character of its pieces was changed', () => {
    const character = fc.constantFrom(...'aA0-_.~%&=+?Z9');
    let compared = 0;
    fc.assert(
      fc.property(ours, fc.nat(), character, (parts, at, other) => {
        const before = presign(parts).join('&');
        const index = at % before.length;
        const after = before.slice(0, index) + other + before.slice(index + 1);
        const target = canonicalTarget(`/a?${after}`);
        if (target instanceof Refusal || target === canonical(`/a?${before}`)) return;
        const claim = parse(`/a?${after}`);
        if (claim === undefined || claim instanceof Refusal) return;
        const { credential, algorithm } = claim;
        const host = 'api.example.com';
        const text = presignedStringToSign({ algorithm, credential, target, host });
        compared++;
        expect(SECRET.verify(algorithm, text, claim.signature)).toBe(false);
      }),
      { numRuns: 3000 },
    );
    expect(compared).toBeGreaterThan(500);
  });

  it('is a claim, a refusal or nothing for any text, in linear time', () => {
    const part = fc.constantFrom(
      ...['X-Hmac-', 'X%2dHmac-', 'Credential', 'Date', 'Expires', 'Nonce', 'Signature', '=', '&'],
      ...['?', '%', '%4', '%44', '\0', 'é', '1', '604800', 'A'.repeat(43), 'A'.repeat(86)],
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 40 }).map((parts) => `/?${parts.join('')}`),
    );
    fc.assert(
      fc.property(text, fc.constantFrom('GET', 'HEAD', 'POST', ''), (target, method) => {
        const claim = parse(target, method);
        if (claim === undefined) return;
        if (claim instanceof Refusal) {
          expect(claim.code).toBe('authorization_malformed');
          return;
        }
        expect(claim.scheme).toBe(presignedScheme);
        expect(presignedScheme.uncovered(claim, new HeaderFields([]))).toBeInstanceOf(Refusal);
      }),
      { numRuns: 5000 },
    );
    const started = performance.now();
    for (const repeated of ['&', '%', '%44', 'X-Hmac-Dat&', '=', 'X%2DHmac-']) {
      parse(`/?${repeated.repeat(200_000)}`);
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('is for GET and HEAD without an Authorization field, and for one GET where it has a nonce', () => {
    const once = { nonce: 'n'.repeat(16) };
    const [parts] = fc.sample(ours, { numRuns: 1, seed: 1 }) as [Ours];
    const many = `/a?${presign({ ...parts, nonce: undefined }).join('&')}`;
    const single = `/a?${presign({ ...parts, ...once }).join('&')}`;
    const both = new HeaderFields(['Host', 'a', 'Authorization', 'Basic Og==']);
    expect(parse(many, 'HEAD')).toMatchObject({ credential: parts.credential });
    expect(parse(single)).toMatchObject({ presigned: once });
    for (const refused of [parse(many, 'PUT'), parse(single, 'HEAD'), parse(many, 'GET', both)]) {
      expect(refused).toMatchObject({ code: 'authorization_malformed' });
    }
  });
});
