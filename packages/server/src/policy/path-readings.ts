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
 * What the loosest server behind might make of a canonical path: decoded, without parameters, in lower case, every slash one
 * slash, and one at the end. Only what is denied may be found by it.
 */
export function loosePath(path: string): string {
  const decoded = path.includes('%') ? decodeBytes(path) : path;
  const plain = decoded.includes(';') ? decoded.replace(/;[^/\\]*/g, '') : decoded;
  return `${plain}/`.replace(/[/\\]+/g, '/').toLowerCase();
}

/** A pattern to be met by loose paths. */
export function loosePattern({ text, segments, open }: PathPattern): PathPattern {
  const loose = segments.map((each) =>
    each === undefined ? undefined : decodeBytes(each).replaceAll('\\', '/').toLowerCase(),
  );
  if (!open && loose.at(-1) !== '') loose.push('');
  return { text, segments: loose, open };
}

/** Each encoded byte as one character: enough to compare. */
function decodeBytes(text: string): string {
  return text.replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
