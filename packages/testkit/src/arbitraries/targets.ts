import fc from 'fast-check';

// A segment begins so that no dot stands alone after a slash; '...' is a name like any other.
const BEGINNINGS = [
  'a',
  'Z',
  '0',
  '~',
  '_',
  '-',
  '*',
  '%7e',
  '%7E',
  '%41',
  '%C3%A9',
  '...',
  '.well-known',
  '%2ehidden',
];
// A slash, backslash or semicolon, encoded or not, is followed by a letter for the same reason.
const MIDDLES = [
  ...['a', 'B', '7', '.', '..', '-', '_', '~', '%2e', '%2E', '%2d', '%5F', '%61'],
  ...[
    '!',
    '$',
    '&',
    "'",
    '(',
    ')',
    '*',
    '+',
    ',',
    '=',
    ':',
    '@',
    '"',
    '<',
    '>',
    '[',
    ']',
    '^',
    '`',
    '{',
    '|',
    '}',
  ],
  ...['%20', '%c3%a9', '%C3%A9', '%25', '%2561', '%3F', '%3f', '%23', '%26', '%80', '%ff'],
  ...[';v=1', '%2Fa', '%2fb', '%5Cc', '%3bd', '%2F%2fe'],
];
const QUERY_PIECES = [
  ...[
    '',
    'a',
    'a=',
    'a=1',
    'a=2',
    'b=1',
    'A=1',
    '=',
    '==',
    '=a',
    'a=b=c',
    'limit=10',
    'tag=a',
    'tag=b',
  ],
  ...[
    '%61=1',
    'a%3D1',
    'a=%26',
    'a=%23',
    'a=+',
    'a=%2B',
    'a=%20',
    'a=%7e',
    'note=caf%c3%a9',
    'a=%01',
    'a=%7F',
  ],
  ...[
    '?',
    '/',
    '//',
    '/../',
    '.',
    ';',
    ':@',
    '[]',
    "'",
    '"',
    '<>',
    '`',
    '{|}',
    '__proto__=1',
    'constructor',
  ],
];
const DOTS = ['.', '..', '%2e', '%2E', '.%2e', '%2e.', '%2E%2e'];
const SLASHES = ['%2F', '%2f', '%5C', '%5c'];

/** Targets that have a canonical form, in many spellings: either case of hex, encoded where there was no need, unsorted queries. */
export function targets(): fc.Arbitrary<string> {
  return fc
    .tuple(paths(), fc.option(queries(), { nil: undefined }))
    .map(([path, query]) => (query === undefined ? path : `${path}?${query}`));
}

/** Targets that must be refused, whatever surrounds what is wrong with them. */
export function hostileTargets(): fc.Arbitrary<string> {
  const anywhere = fc.oneof(
    fc.constantFrom('%', '%4', '%zz', '%0g', '%00', '%u0041', '% 41', '#', '#frag', '\\'),
    fc.constantFrom(' ', '\t', '\n', '\r\n', '\0', '\x7f', '\x80', 'é', '\u2028', '\ud800'),
  );
  const segment = fc.oneof(
    fc.constantFrom(...DOTS),
    fc.tuple(fc.constantFrom(...DOTS), fc.constantFrom(';', ';v=1', '%3B', '%3bv')).map(join),
    fc
      .tuple(fc.constantFrom('a', ''), fc.constantFrom(...SLASHES), fc.constantFrom(...DOTS))
      .map(join),
    fc
      .tuple(fc.constantFrom(...DOTS), fc.constantFrom(...SLASHES), fc.constantFrom('a', ''))
      .map(join),
    fc.constantFrom('%01', 'a%0d%0Ab', '%1f', 'a%7f', '%09'),
  );
  return fc.oneof(
    // '/a' and ' ' go on with something that is no hex digit, so that '%4' stays broken.
    fc.tuple(paths(), anywhere, fc.constantFrom('', '/x', '?q')).map(join),
    fc
      .tuple(paths(), queries(), anywhere, fc.constantFrom('', '&x=1'))
      .map(([path, query, bad, rest]) => `${path}?${query}${bad}${rest}`),
    fc
      .tuple(paths(), segment, fc.constantFrom('', '/', '/x', '?q'))
      .map(([path, bad, rest]) => `${path.replace(/\/$/, '')}/${bad}${rest}`),
    fc
      .tuple(paths(), fc.constantFrom('//', '///', '//x'))
      .map(([path, bad]) => `${path.replace(/\/$/, '')}${bad}`),
    paths().map((path) => `/${path}`),
    fc.constantFrom('', '*', '?', '?a=1', 'a', 'a/b', './a', '%2Fa', 'api.example.com:443'),
    paths().map((path) => `https://api.example.com${path}`),
    fc.integer({ min: 8192, max: 9000 }).map((length) => `/${'x'.repeat(length)}`),
  );
}

function paths(): fc.Arbitrary<string> {
  const segment = fc
    .tuple(fc.constantFrom(...BEGINNINGS), fc.array(fc.constantFrom(...MIDDLES), { maxLength: 6 }))
    .map(([beginning, middles]) => beginning + middles.join(''));
  return fc
    .tuple(fc.array(segment, { maxLength: 5 }), fc.boolean())
    .map(([segments, slash]) => `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`);
}

function queries(): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...QUERY_PIECES), { maxLength: 8 })
    .map((pieces) => pieces.join('&'));
}

function join(parts: readonly string[]): string {
  return parts.join('');
}
