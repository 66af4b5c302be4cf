import type { Difference } from '@countersign/testkit';

/** The router decodes paths before any hook or guard. */
export const UNDECODABLE: Difference = {
  expected: 'accepted',
  actual: 'server',
  cases: ['target-high-bytes'],
  why: 'a path whose bytes are no UTF-8 is answered 400 by the router',
};

/** Nest's body parser inflates, or refuses, what has a Content-Encoding. */
export const DECODED_BODY: Difference = {
  expected: 'accepted',
  actual: 'server',
  cases: ['encoding-signed'],
  why: 'a Content-Encoding that the body parser does not know is answered 415 by it',
};

export const REWRITTEN_HOST: Difference = {
  expected: 'accepted',
  actual: 'server',
  cases: ['host-ipv6-embedded-ipv4'],
  why: 'a host that the URL parser writes otherwise is answered 400 by @hono/node-server',
};

// Node 24 and later encode "^" too.
const ENCODED = ['/a"b', '/a^b', '/a<b>', '/a`b', '/{a}', '/?"', '/?<b>'];
const RESOLVED = [
  ...['/a/../b', '/./b', '/a/./../b', '/%2e/b', '/a/%2e%2e/b', '/a/.%2E/b', '/../b', '/../../b'],
  ...['http://api.example.com/b', 'https://api.example.com/b', 'http://evil.example/b'],
];

const joined = (...expected: Difference['expected'][]): Difference[] =>
  expected.map((code) => ({
    expected: code,
    actual: 'header_duplicated',
    why: 'fields that occur twice are joined by a comma, so a value with one counts as two',
  }));
const hidden = 'the body of a GET or HEAD is hidden, so it is not verified but refused';
const resolved = 'targets are resolved before anybody can look at them';

/** What the Fetch API does not show of a request. */
export const FETCH_DIFFERS: readonly Difference[] = [
  REWRITTEN_HOST,
  {
    expected: 'accepted',
    actual: 'signature_mismatch',
    cases: ['target-odd-visible', ...ENCODED.map((target) => `wire: honest, target ${target}`)],
    why: 'quotes, angle brackets, braces and backticks are percent-encoded on the way, unlike what was signed',
  },
  {
    expected: 'accepted',
    actual: 'header_duplicated',
    cases: [
      ...['digest-both', 'digest-unknown-extra', 'everything-at-once'],
      'wire: honest, a signed field of its own',
    ],
    why: 'fields that occur twice are joined by a comma, so a signed value with one counts as two',
  },
  {
    expected: 'accepted',
    actual: 'body_incomplete',
    cases: ['body-get', 'wire: honest, GET with a body', 'wire: honest, HEAD with a body'],
    why: hidden,
  },
  {
    expected: 'accepted',
    actual: 'digest_mismatch',
    cases: ['chunked-get', 'wire: honest, GET with a chunked body'],
    why: hidden,
  },
  { expected: 'digest_mismatch', actual: 'body_incomplete', why: hidden },
  {
    expected: 'header_duplicated',
    actual: 'authorization_malformed',
    why: 'two Authorization fields are one value',
  },
  {
    expected: 'header_duplicated',
    actual: 'scheme_unsupported',
    why: 'two Authorization fields are one value',
  },
  ...joined('signature_mismatch', 'date_malformed', 'nonce_malformed'),
  ...joined('digest_malformed', 'digest_mismatch'),
  { expected: 'target_malformed', actual: 'signature_mismatch', why: resolved },
  { expected: 'target_too_long', actual: 'signature_mismatch', why: resolved },
  {
    expected: 'target_malformed',
    actual: 'accepted',
    cases: [
      ...['target-repaired-dots', 'target-repaired-dot', 'target-repaired-absolute'],
      ...RESOLVED.map((target) => `wire: signed as /b, sent as ${JSON.stringify(target)}`),
    ],
    why: 'a target that resolves to the one that was signed is accepted as that one, which is what the handler sees',
  },
];
