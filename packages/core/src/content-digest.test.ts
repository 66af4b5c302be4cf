import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkContentDigest, formatContentDigest, runningContentDigest } from './content-digest.js';
import { Refusal } from './refusal.js';

const pieces = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 6 });
const algorithm = fc.constantFrom('sha-256' as const, 'sha-512' as const);

function inPieces(value: string, parts: readonly Uint8Array[]): string | undefined {
  const running = runningContentDigest(value);
  if (running instanceof Refusal) return running.code;
  for (const part of parts) running.update(part);
  return running.check()?.code;
}

describe('a body in pieces', () => {
  it('is judged as the whole is', () => {
    fc.assert(
      fc.property(pieces, pieces, algorithm, (signed, arrived, name) => {
        const value = formatContentDigest(Buffer.concat(signed), name);
        const whole = checkContentDigest(value, Buffer.concat(arrived))?.code;
        expect(inPieces(value, arrived)).toBe(whole);
        expect(inPieces(value, signed)).toBeUndefined();
      }),
    );
  });

  it('must match every algorithm that is present', () => {
    const body = Buffer.from('body');
    const [right, other] = [formatContentDigest(body), formatContentDigest('other', 'sha-512')];
    expect(inPieces(`${right}, ${formatContentDigest(body, 'sha-512')}`, [body])).toBeUndefined();
    expect(inPieces(`${right}, ${other}`, [body])).toBe('digest_mismatch');
  });

  it('needs a field that can be used', () => {
    for (const value of ['', 'sha-256', 'md5=:AAAA:', 'sha-256=:AAAA:']) {
      expect(inPieces(value, [])).toBe('digest_malformed');
    }
  });
});
