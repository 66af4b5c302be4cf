import { describeRefusals } from './refusal.js';

/** What is known of a refusal code: the HTTP status it is answered with, and the words for people. */
export interface RefusalCodeEntry {
  /** Stage of the pipeline that gives it, 1–10. */
  readonly stage: number;
  /** HTTP status. */
  readonly status: number;
  /** One line that says what happened. */
  readonly title: string;
  /** What the caller, or whoever runs the service, should do. */
  readonly advice: string;
  /** Seconds for Retry-After, where waiting helps. */
  readonly retryAfter?: number;
}

/* @__NO_SIDE_EFFECTS__ */
const entry = (
  stage: number,
  status: number,
  title: string,
  advice: string,
  retryAfter?: number,
): RefusalCodeEntry =>
  Object.freeze(
    retryAfter === undefined
      ? { stage, status, title, advice }
      : { stage, status, title, advice, retryAfter },
  );

const CODES = /* @__PURE__ */ Object.freeze({
  headers_too_many: entry(1, 431, 'Too many header fields', 'Send at most 100 header fields.'),
  header_duplicated: entry(
    1,
    400,
    'A header field that matters occurs more than once',
    'Send each signed field, and each field the protocol reads, exactly once; look for a proxy that adds one.',
  ),
  authorization_missing: entry(
    2,
    401,
    'No Authorization field',
    'Sign the request: add the Authorization field of the HMAC-256 or HMAC-512 scheme.',
  ),
  authorization_malformed: entry(
    2,
    401,
    'The Authorization field does not follow the grammar',
    'Write it as: HMAC-256 Credential=ID,SignedHeaders=NAME;NAME,Signature=BASE64, the names lower case and ascending.',
  ),
  scheme_unsupported: entry(
    2,
    401,
    'The Authorization scheme is not one this service takes',
    'Use HMAC-256 or HMAC-512.',
  ),
  credential_rejected: entry(
    5,
    401,
    'The credential or the signature was not accepted',
    'Check the credential, its secret and its algorithm; then compare the string to sign with what `countersign sign --output string-to-sign` prints.',
  ),
  credential_unknown: entry(
    3,
    401,
    'The credential is not known here',
    'Check the credential for a typing error, and that its key is in the key store of this service.',
  ),
  credential_inactive: entry(
    3,
    401,
    'The credential is disabled, or none of its secrets is live now',
    'Enable the key, or give it a secret whose notBefore and notAfter include the present.',
  ),
  algorithm_mismatch: entry(
    3,
    401,
    'The scheme is not the algorithm of this key',
    'Sign with the algorithm that the key record names.',
  ),
  key_store_unavailable: entry(
    3,
    503,
    'The key store cannot be asked now',
    'Try again later; whoever runs the service should look at the key store.',
    1,
  ),
  header_unsigned: entry(
    4,
    401,
    'A header field that must be signed is not in SignedHeaders',
    'Add the field to SignedHeaders and sign again.',
  ),
  header_missing: entry(
    4,
    401,
    'A header field that must be signed is absent',
    'Send the field and sign it; look for a proxy that removes it.',
  ),
  header_malformed: entry(
    4,
    400,
    'A header field has a value that cannot be signed',
    'Use visible ASCII in signed fields, a decimal Content-Length or Transfer-Encoding: chunked but not both, and one of Date and X-Date in SignedHeaders.',
  ),
  target_malformed: entry(
    4,
    400,
    'The request target has no canonical form',
    'Send origin-form with valid percent-encoding and no empty, "." or ".." segments; paths are refused, never repaired.',
  ),
  target_too_long: entry(
    4,
    414,
    'The request target is too long',
    'Send a target of at most 8,192 characters.',
  ),
  host_malformed: entry(
    4,
    400,
    'The Host field is not a host name or address with an optional port',
    'Send a plain Host: letters, digits, ".", "_" and "-", or a bracketed IPv6 address.',
  ),
  host_not_allowed: entry(
    4,
    421,
    'This service does not answer for that host',
    'Call the service by a name in its `hosts` option, or add the name there.',
  ),
  digest_missing: entry(
    4,
    401,
    'The request has a body but no signed Content-Digest',
    'Send Content-Digest (RFC 9530) with sha-256 or sha-512 over the bytes on the wire, and sign it.',
  ),
  signature_mismatch: entry(
    5,
    401,
    'The signature does not match',
    'Compare the string to sign on both sides, line by line; then the secret.',
  ),
  date_malformed: entry(
    6,
    401,
    'The signed date is not an IMF-fixdate',
    'Write it exactly like: Wed, 01 Jan 2020 12:00:30 GMT.',
  ),
  date_expired: entry(
    6,
    401,
    'The signed date is too far in the past',
    'Sign again with the present time; check the clock of the caller.',
  ),
  date_in_future: entry(
    6,
    401,
    'The signed date is too far in the future',
    'Check the clock of the caller, then of the service.',
  ),
  nonce_malformed: entry(
    6,
    401,
    'X-Nonce does not have the form of a nonce',
    'Send 16–128 characters of A-Z a-z 0-9 _ -; 128 random bits as 22 base64url characters do.',
  ),
  address_not_allowed: entry(
    7,
    403,
    'This credential may not be used from that address',
    'Call from an allowed address, or have the rule of the key changed.',
  ),
  permission_denied: entry(
    7,
    403,
    'This credential may not make this request',
    'Use a credential that may, or have the rule of the key changed.',
  ),
  digest_malformed: entry(
    8,
    401,
    'The Content-Digest field cannot be used',
    'Write it as sha-256=:BASE64: or sha-512=:BASE64:, each at most once, without parameters.',
  ),
  digest_mismatch: entry(
    8,
    401,
    'The body is not the one the Content-Digest was made of',
    'Compute the digest over the bytes on the wire, after any content coding; look for a proxy that rewrites bodies.',
  ),
  body_too_large: entry(
    8,
    413,
    'The body is larger than this service takes',
    'Send less, or raise `maxBodyBytes`.',
  ),
  body_timeout: entry(
    8,
    408,
    'The body did not arrive in time',
    'Send the body without pausing, or raise `bodyTimeout`.',
  ),
  body_incomplete: entry(
    8,
    400,
    'The body is not as long as Content-Length said',
    'Send exactly as many bytes as Content-Length says.',
  ),
  body_unavailable: entry(
    8,
    500,
    'The bytes of the body were read before they could be verified',
    'Mount Countersign before any body parser.',
  ),
  nonce_replayed: entry(
    9,
    401,
    'This nonce was used before with this credential',
    'Sign every attempt anew, retries and redirects included.',
  ),
  nonce_store_unavailable: entry(
    9,
    503,
    'The nonce store cannot say whether this request is new',
    'Sign again and retry after a second; if it lasts, look at the nonce store and the clocks.',
    1,
  ),
  nonce_store_full: entry(
    9,
    503,
    'The nonce store is full',
    'Retry later; whoever runs the service should raise the capacity of the nonce store.',
    1,
  ),
  rate_limited: entry(10, 429, 'Too many requests', 'Wait as long as Retry-After says.', 1),
});

// Pure as far as bundlers go: where nothing uses the table, as in a page that signs, no refusal is asked for its words.
/** The one table of refusals. `docs/errors.md` is held equal to it by a test. */
export const REFUSAL_CODES = /* @__PURE__ */ describeRefusals(CODES);

/** A stable name of a reason to refuse. */
export type RefusalCode = keyof typeof REFUSAL_CODES;

/** True for the names of {@link REFUSAL_CODES} and nothing else. */
export function isRefusalCode(value: unknown): value is RefusalCode {
  return typeof value === 'string' && Object.hasOwn(REFUSAL_CODES, value);
}

// What outsiders must not tell apart: which of these it was would say whether a credential exists.
const CREDENTIAL_FAILURES: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'credential_unknown',
  'credential_inactive',
  'algorithm_mismatch',
  'signature_mismatch',
]);

/** The code an outsider is told: the four failures of a credential are one and the same to them. */
export function publicCode(code: RefusalCode): RefusalCode {
  return CREDENTIAL_FAILURES.has(code) ? 'credential_rejected' : code;
}
