import type { PathOddity } from './definition.js';
import type { PathPattern } from './path-pattern.js';

/** Whether a path has what servers disagree on, by the one name of it in `allowInPath`. */
export function oddityIn(path: string, allowed: readonly PathOddity[]): PathOddity | undefined {
  if (!/[%;]/.test(path)) return undefined;
  if (path.includes('%2F') && !allowed.includes('%2F')) return '%2F';
  if (path.includes('%5C') && !allowed.includes('%5C')) return '%5C';
  return /;|%3B/.test(path) && !allowed.includes(';') ? ';' : undefined;
}

/**
 * What the loosest server behind might make of a canonical path: decoded, without parameters, in plain lower-case letters, no dots
 * and spaces at the end of a name or spaces before it, every slash one slash, and one at the end. Only what is denied may be found by it.
 */
export function loosePath(path: string): string {
  const decoded = path.includes('%') ? plainLetters(decodeBytes(path)) : path;
  const plain = decoded.includes(';') ? decoded.replace(/;[^/\\]*/g, '') : decoded;
  return `${plain}/`
    .replaceAll('\\', '/')
    .replace(/([^. ])[. ]+(?=\/)/g, '$1')
    .replace(/\/ +/g, '/')
    .replace(/\/+/g, '/')
    .toLowerCase();
}

/** A pattern to be met by loose paths. */
export function loosePattern({ text, segments, open }: PathPattern): PathPattern {
  const loose = segments.map((each) => (each === undefined ? undefined : looseName(each)));
  if (!open && loose.at(-1) !== '') loose.push('');
  return { text, segments: loose, open };
}

function looseName(segment: string): string {
  const name = plainLetters(decodeBytes(segment)).replaceAll('\\', '/').toLowerCase();
  return name.replace(/^ +|[. ]+$/g, '') || name;
}

/** Each encoded byte as one character. */
function decodeBytes(text: string): string {
  return text.replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * Letters in place of the bytes of UTF-8, and each as the plainest that Unicode takes it for: the Kelvin sign as K, `é` as `e`, wide
 * letters as narrow ones, and what is not seen left out.
 */
function plainLetters(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  // Two bytes where one would do: no UTF-8, but decoded by some.
  const shortest = bytes.replace(/[\xc0\xc1][\x80-\xbf]/g, (two) =>
    String.fromCharCode(((two.charCodeAt(0) & 0x1f) << 6) | (two.charCodeAt(1) & 0x3f)),
  );
  const letters = Buffer.from(shortest, 'latin1').toString('utf8').normalize('NFKD');
  return letters.replace(/[\p{M}\p{Cf}]/gu, '').toUpperCase();
}
