import type { Difference } from '@countersign/testkit';

const words = (list: string): string[] => list.split(' ');
const wire = (...names: readonly string[]): string[] => names.map((name) => `wire: ${name}`);
const honest = (...names: readonly string[]): string[] =>
  wire(...names.map((name) => `honest, ${name}`));

/** Bodies that are found broken after the header was judged: by nginx, so that they never reach the service. */
export const BROKEN_BODIES = [
  ...wire('a chunk size that is no number', 'a chunk size with a sign'),
  ...wire('a chunk size in hex notation', 'a chunk longer than it says'),
  ...wire('a chunk size beyond all bounds', 'a bare LF after a chunk size'),
];

/** Bodies that are not what was signed, which the service finds. */
export const ALTERED_BODIES = [
  ...words('body-bit body-case body-reordered body-blank body-quotes body-longer'),
  ...words('body-line-feed body-shorter body-reserialised body-bom body-chunked-changed'),
  ...words('body-chunked-empty body-get-changed digest-of-other digest-of-nothing'),
  ...words('digest-zeros digest-512-wrong digest-both-512-wrong digest-both-256-wrong'),
  ...words('digest-both-wrong-512-first digest-before-coding digest-latin-1'),
  ...words('digest-of-base64'),
  ...wire('another body', 'a body with a byte more', 'a body with a byte less'),
  ...wire('another body, chunked', 'an empty body, chunked', 'another body of a GET'),
  ...wire('another body of a GET, chunked', 'another body of a DELETE'),
];

const HONEST_BODIES = [
  ...words('worked-example worked-tilde-literal worked-upper-hex worked-other-order'),
  ...words('worked-encoded-digit worked-encoded-name worked-host-lower worked-host-no-port'),
  ...words('worked-host-port-80 worked-spaces-after-commas worked-one-space'),
  ...words('worked-scheme-lower worked-scheme-mixed worked-names-upper worked-names-lower'),
  ...words('worked-reversed-fields worked-unsigned-extra worked-other-host-listed'),
  ...words('content-length-signed body-get body-delete body-not-text body-utf8'),
  ...words('body-zero-bytes chunked-lower chunked-mixed chunked-upper chunked-empty'),
  ...words('chunked-get length-leading-zeros digest-512 digest-both digest-unknown-extra'),
  ...words('digest-white-space encoding-signed encoding-not-decoded body-at-limit'),
  ...words('chunked-at-limit everything-at-once presigned-on-signed-field'),
  ...honest('PUT with a body', 'PATCH with a body', 'DELETE with a body'),
  ...honest('OPTIONS with a body', 'GET with a body', 'HEAD with a body'),
  ...honest('GET with a chunked body', 'a body of one byte', 'every byte', '64 KiB'),
  ...honest('plain text', 'a form', 'a multipart form', 'JSON with white space'),
  ...honest('a body of no stated type', 'chunked', 'chunked in pieces'),
  ...honest('chunked with extensions', 'chunked with trailers that name signed fields'),
  ...honest('a length with zeros in front', 'HTTP/1.0', 'an empty line in front'),
  ...honest('field names in capitals', 'field names in small letters'),
  ...honest('white space around a value', 'no white space before a value'),
  ...honest('the fields in another order', 'a signed method override'),
];

const ANY: readonly Difference[] = [
  {
    expected: 'accepted',
    actual: 'server',
    cases: honest('TRACE', 'HTTP/0.9', 'no version'),
    why: 'nginx answers TRACE with 405 and takes no HTTP/0.9',
  },
  {
    expected: 'accepted',
    actual: 'header_missing',
    cases: ['proto-header-signed', 'sorted-by-byte'],
    why: 'nginx drops fields whose names have an underscore or another odd character, signed ones too',
  },
  {
    expected: 'server',
    actual: 'accepted',
    cases: [
      ...wire('bare LF between two fields', 'bare LF everywhere', 'a name in brackets'),
      ...wire('an 8-bit byte in a name'),
    ],
    why: 'nginx takes lines that end in LF alone, and drops fields whose names are no names: neither reaches the service',
  },
];

/** nginx, with bodies that the service checks. */
export const WITH_BODIES: readonly Difference[] = [
  ...ANY,
  {
    expected: 'digest_mismatch',
    actual: 'accepted',
    cases: ALTERED_BODIES,
    why: 'the endpoint does not see the body; the service compares it',
  },
  {
    expected: 'body_too_large',
    actual: 'accepted',
    cases: ['large-arrived-chunked', ...wire('more than fits, chunked')],
    why: 'the endpoint does not see the body; nginx or the service limits it',
  },
  {
    expected: 'server',
    actual: 'accepted',
    cases: BROKEN_BODIES,
    why: 'nginx finds a broken body once the header is judged, and answers 400; after a chunk size it takes LF for CR LF',
  },
  ...(['digest_malformed', 'digest_mismatch'] as const).map(
    (expected): Difference => ({
      expected,
      actual: 'nonce_replayed',
      why: 'as with any body that is not read before the verdict, the nonce is looked at before the digest',
    }),
  ),
];

/** nginx, where requests with bodies are refused. */
export const WITHOUT_BODIES: readonly Difference[] = [
  ...ANY,
  {
    expected: 'accepted',
    actual: 'server',
    cases: HONEST_BODIES,
    why: 'bodies are refused before the verifier is asked',
  },
];

/** What the same cases leave behind: their nonce is used, or nginx answers in place of the service. */
export function isDeclared(fault: string): boolean {
  const [, name = '', what = ''] = /^(.*): (.*)$/.exec(fault) ?? [];
  return what === '1 nonces were used, expected 0'
    ? /^(digest|large)-/.test(name)
    : /^accepted, but (answered with 4(00|13)|the handler ran 0 times)$/.test(what) &&
        [...BROKEN_BODIES, ...wire('more than fits, chunked')].includes(name);
}
