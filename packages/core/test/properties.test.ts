import { canonicalTarget, Refusal } from '@countersign/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';

// A second reading of the rule, with nothing of the code under test: what a target means, however it is spelt.
function meaning(target: string): { path: string; query: Map<string, string[]> } {
  const decoded = target.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
  });
  const [path = '', ...rest] = decoded.split('?');
  const query = new Map<string, string[]>();
  const text = rest.join('?');
  for (const piece of text === '' ? [] : text.split('&')) {
    const name = piece.replace(/=.*$/, '');
    query.set(name, [...(query.get(name) ?? []), piece]);
  }
  return { path, query };
}

const byName = (a: [string, unknown], b: [string, unknown]) => (a[0] < b[0] ? -1 : 1);
const same = (a: string, b: string) => {
  const [left, right] = [meaning(a), meaning(b)];
  return (
    left.path === right.path &&
    JSON.stringify([...left.query].sort(byName)) === JSON.stringify([...right.query].sort(byName))
  );
};

// Few characters, so that two targets often agree, and each of them in several spellings.
const character = fc.constantFrom(
  ...['a', '%61', 'A', '%41', '~', '%7E', '%7e', '-', '+', '%2B', '%2b', '%20', '%C3%A9', '%c3%a9'],
);
const word = fc.array(character, { maxLength: 3 }).map((parts) => parts.join(''));
const path = fc
  .array(fc.array(character, { minLength: 1, maxLength: 3 }), { maxLength: 3 })
  .map((segments) => `/${segments.map((parts) => parts.join('')).join('/')}`);
const piece = fc
  .tuple(word, fc.constantFrom('', '=', '==', '=?', '%3D'), word)
  .map((parts) => parts.join(''));
const target = fc
  .tuple(path, fc.option(fc.array(piece, { maxLength: 4 }), { nil: undefined }))
  .map(([start, pieces]) => (pieces === undefined ? start : `${start}?${pieces.join('&')}`));
const shuffled = target.chain((text) => {
  const [start, ...rest] = text.split('?');
  const pieces = rest.join('?').split('&');
  return fc
    .shuffledSubarray(pieces, { minLength: pieces.length })
    .map((order) => [text, `${start}?${order.join('&')}`] as const);
});

const RUNS = { numRuns: 20_000 };

it('is idempotent', () => {
  fc.assert(
    fc.property(target, (text) => {
      const once = canonicalTarget(text);
      if (once instanceof Refusal) throw new Error(`${text} was refused: ${once.detail}`);
      expect(canonicalTarget(once)).toBe(once);
    }),
    RUNS,
  );
});

it('makes two targets one exactly when path and, name by name, ordered pieces agree', () => {
  let agreed = 0;
  let differed = 0;
  fc.assert(
    fc.property(fc.oneof(shuffled, fc.tuple(target, target)), ([a, b]) => {
      const one = canonicalTarget(a) === canonicalTarget(b);
      if (one) agreed++;
      else differed++;
      expect(one).toBe(same(a, b));
    }),
    RUNS,
  );
  expect(Math.min(agreed, differed)).toBeGreaterThan(RUNS.numRuns / 20);
});

it('gives a canonical form or a refusal for any text, and the form is of the canonical alphabet', () => {
  const any = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .array(fc.constantFrom('/', '.', '%2e', '%2F', '%', '%0', ';', '?', '&', '=', '#', '\\', 'a'))
      .map((parts) => `/${parts.join('')}`),
  );
  fc.assert(
    fc.property(any, (text) => {
      const canonical = canonicalTarget(text);
      if (canonical instanceof Refusal) {
        expect(['target_malformed', 'target_too_long']).toContain(canonical.code);
      } else {
        expect(canonical).toMatch(/^\/(?:[!"$&-[\]-~]|%[0-9A-F]{2})*$/);
        expect(canonical.split('?')[0]).not.toMatch(/\/\/|\/\.{1,2}(?:[/;]|$)/);
      }
    }),
    RUNS,
  );
});
