import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GatheredBytes } from './gathered-bytes.js';

const newBytes = () => new GatheredBytes((size) => new Uint8Array(size));

it('gives all pieces, in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 300 }), (pieces) => {
      const gathered = newBytes();
      for (const piece of pieces) gathered.add(piece);
      const expected = pieces.flatMap((piece) => [...piece]);
      expect([...gathered.bytes()]).toEqual(expected);
      expect(gathered.size).toBe(expected.length);
    }),
  );
});

it('gives the one piece there was as it is', () => {
  const piece = Uint8Array.of(1, 2, 3);
  const gathered = newBytes();
  gathered.add(piece);
  expect(gathered.bytes()).toBe(piece);
});

it('holds three times what arrived at most, in pieces of one byte', () => {
  let held = 0;
  let most = 0;
  const gathered = new GatheredBytes((size) => {
    // The one before is still there while it is copied.
    most = Math.max(most, held + size);
    held = size;
    return new Uint8Array(size);
  });
  for (let i = 1; i <= 100_000; i++) {
    gathered.add(Uint8Array.of(i & 0xff));
    if (i > 64) expect(most / i).toBeLessThanOrEqual(3);
  }
  expect(gathered.bytes().length).toBe(100_000);
  expect(most).toBeGreaterThan(100_000);
});
