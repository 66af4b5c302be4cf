import fc from 'fast-check';

const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const INHERITED = ['__proto__', 'constructor', 'hasOwnProperty', 'toString'];

/** Credentials of every length, among them names that objects inherit. */
export function credentials(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 9, arbitrary: text(`${LETTERS_AND_DIGITS}._-`, 1, 128) },
    { weight: 1, arbitrary: fc.constantFrom(...INHERITED, '.', '-', 'x'.repeat(128)) },
  );
}

/** Nonces of every length. */
export function nonces(): fc.Arbitrary<string> {
  return text(`${LETTERS_AND_DIGITS}_-`, 16, 128);
}

/** Strings of some characters. */
export function text(characters: string, least: number, most: number): fc.Arbitrary<string> {
  return fc.string({
    unit: fc.constantFrom(...characters),
    minLength: least,
    maxLength: most,
    size: 'max',
  });
}
