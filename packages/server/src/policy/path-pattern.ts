import { canonicalTarget } from '@countersign/core';

/** A path with holes in it, taken apart once. */
export interface PathPattern {
  /** As it was written. */
  readonly text: string;
  /** Each segment by its letters, or `undefined` for any one that is not empty. */
  readonly segments: readonly (string | undefined)[];
  /** Anything may follow, an empty last segment at the least. */
  readonly open: boolean;
}

const HOLE = /^\{[A-Za-z_][A-Za-z0-9_]{0,63}\}$/;

/**
 * Takes a pattern such as `/v1/orders/{id}` or `/v1/**` apart.
 *
 * @returns what is wrong with it, if anything is
 */
export function parsePattern(text: string): PathPattern | string {
  if (!text.startsWith('/')) return 'expected a path that begins with "/"';
  const segments = text.slice(1).split('/');
  const open = segments.at(-1) === '**';
  if (open) segments.pop();
  for (const segment of segments) {
    if (HOLE.test(segment)) continue;
    if (/[{}*?]/.test(segment)) {
      return `expected segments of letters or "{name}", and "**" only as the last one, not "${segment}"`;
    }
  }
  const fault = canonicalFault(text, open);
  if (fault !== undefined) return fault;
  return { text, segments: segments.map((each) => (HOLE.test(each) ? undefined : each)), open };
}

/** Only a canonical path can be met by one. */
function canonicalFault(text: string, open: boolean): string | undefined {
  const filled = text.replace(/\{[^/{}]*\}/g, 'x').replace(/\*\*$/, open ? 'x' : '**');
  const canonical = canonicalTarget(filled);
  if (typeof canonical !== 'string') return `expected a canonical path. ${canonical.detail}`;
  return canonical === filled
    ? undefined
    : `expected a canonical path: percent-encodings in upper case, and none of letters, digits and "-._~"`;
}

/** True if the path is one of these. Looks at each character once, and makes no strings. */
export function matchesPattern({ segments, open }: PathPattern, path: string): boolean {
  let at = 1; // behind the slash
  for (let i = 0; i < segments.length; i++) {
    if (at > path.length) return false; // no more segments
    const segment = segments[i];
    if (segment === undefined) {
      const slash = path.indexOf('/', at);
      const end = slash === -1 ? path.length : slash;
      if (end === at) return false;
      at = end + 1;
    } else {
      const end = at + segment.length;
      if (!path.startsWith(segment, at)) return false;
      if (end !== path.length && path.charCodeAt(end) !== SLASH) return false;
      at = end + 1;
    }
  }
  return open ? at <= path.length : at === path.length + 1;
}

const SLASH = 0x2f;
