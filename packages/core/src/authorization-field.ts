import type { Algorithm } from './algorithm.js';
import { BASE64, LOWER_CASE_TOKEN, TOKEN } from './grammar.js';
import { Refusal } from './refusal.js';

/** The longest Authorization field that is looked at, in characters. */
export const MAX_AUTHORIZATION_LENGTH = 4096;

/** The most names SignedHeaders may have. */
export const MAX_SIGNED_HEADERS = 32;

/** What an Authorization field says. Nothing of it is verified. */
export interface AuthorizationField {
  readonly algorithm: Algorithm;
  readonly credential: string;
  /** Lower-case names, strictly ascending. */
  readonly signedHeaders: readonly string[];
  /** Canonical padded base64: 44 characters for HMAC-256, 88 for HMAC-512. */
  readonly signature: string;
}

/** Names that may not be signed: the field itself, and those that belong to one hop (RFC 9110 §7.6.1). */
export const UNSIGNABLE_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const OUR_SCHEME = /^hmac-(?:256|512)$/i;
const PARAMETERS =
  /^Credential=([A-Za-z0-9._-]{1,128}), ?SignedHeaders=([^, ]+), ?Signature=([A-Za-z0-9+/=]+)$/;
const SIGNATURE_LENGTH: Readonly<Record<Algorithm, number>> = { 'HMAC-256': 44, 'HMAC-512': 88 };

/**
 * Reads an Authorization field: `HMAC-256 Credential=…,SignedHeaders=…;…,Signature=…`, in this order and nothing else.
 *
 * @param value - the field value, white space around it already removed
 * @returns what it says, or a refusal with `authorization_malformed` or `scheme_unsupported`
 */
export function parseAuthorization(value: string): AuthorizationField | Refusal {
  if (value.length > MAX_AUTHORIZATION_LENGTH) {
    return malformed(`it has more than ${MAX_AUTHORIZATION_LENGTH} characters`);
  }
  const space = value.indexOf(' ');
  const scheme = space === -1 ? value : value.slice(0, space);
  if (!TOKEN.test(scheme)) return malformed('it does not begin with a scheme');
  if (!OUR_SCHEME.test(scheme)) {
    return new Refusal(
      'scheme_unsupported',
      'The Authorization scheme is neither HMAC-256 nor HMAC-512.',
    );
  }
  const algorithm = scheme.toUpperCase() as Algorithm;

  const match = space === -1 ? null : PARAMETERS.exec(value.slice(space + 1));
  if (match === null)
    return malformed('after the scheme it is not Credential=…,SignedHeaders=…,Signature=…');
  const [, credential, names, signature] = match as unknown as [string, string, string, string];

  const signedHeaders = names.split(';');
  const fault = signedHeadersFault(signedHeaders);
  if (fault !== undefined) return malformed(fault);
  if (signature.length !== SIGNATURE_LENGTH[algorithm] || !BASE64.test(signature)) {
    return malformed(
      `Signature is not ${SIGNATURE_LENGTH[algorithm]} characters of canonical base64`,
    );
  }
  return { algorithm, credential, signedHeaders, signature };
}

/**
 * Writes an Authorization field. The parts are taken as they are: `signedHeaders` must already be in order.
 *
 * @example formatAuthorization({ algorithm: 'HMAC-256', credential: 'a', signedHeaders: ['date', 'host'], signature })
 */
export function formatAuthorization(field: AuthorizationField): string {
  return `${field.algorithm} Credential=${field.credential},SignedHeaders=${field.signedHeaders.join(';')},Signature=${field.signature}`;
}

/** What is wrong with a list of names to sign, if anything is. */
export function signedHeadersFault(names: readonly string[]): string | undefined {
  if (names.length > MAX_SIGNED_HEADERS)
    return `SignedHeaders has more than ${MAX_SIGNED_HEADERS} names`;
  let previous = '';
  for (const name of names) {
    if (!LOWER_CASE_TOKEN.test(name))
      return 'SignedHeaders has a name that is not a lower-case token';
    if (UNSIGNABLE_FIELDS.has(name)) return `SignedHeaders has ${name}, which cannot be signed`;
    if (name <= previous) return 'SignedHeaders is not strictly ascending';
    previous = name;
  }
  return undefined;
}

function malformed(what: string): Refusal {
  return new Refusal('authorization_malformed', `The Authorization field is refused: ${what}.`);
}
