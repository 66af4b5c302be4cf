import type { Algorithm } from './algorithm.js';
import { MAX_AUTHORIZATION_LENGTH, readNames } from './authorization-field.js';
import { isBase64Of } from './grammar.js';
import type { HeaderFields } from './header-fields.js';
import { Refusal } from './refusal.js';

// Section 3 of the protocol: what a response is signed with, and over what.

/** The parts of the text that is signed for a response, each already in its canonical form. */
export interface ResponseStringToSignParts {
  readonly algorithm: Algorithm;
  readonly credential: string;
  /** Signature of the request that is answered, as padded base64: it binds the response to that request. */
  readonly requestSignature: string;
  /** HTTP status. */
  readonly status: number;
  /** From `headerLines`. */
  readonly headerLines: string;
}

/** The text whose MAC, with the secret of the request, signs its response. */
export function responseStringToSign(parts: ResponseStringToSignParts): string {
  return `${parts.algorithm}-RESPONSE\n${parts.credential}\n${parts.requestSignature}\n${parts.status}\n${parts.headerLines}`;
}

/** The names of the fields that a response must sign, ascending: Date, and what says what its body is. */
export function responseSignedHeaders(fields: HeaderFields, hasBody: boolean): readonly string[] {
  const names: string[] = [];
  if (hasBody) names.push('content-digest');
  if (fields.has('content-encoding')) names.push('content-encoding');
  if (fields.has('content-type')) names.push('content-type');
  names.push('date');
  return names;
}

/** What an Authentication-Info field says. Nothing of it is verified. */
export interface AuthenticationInfo {
  /** Lower-case names, strictly ascending. */
  readonly signedHeaders: readonly string[];
  /** Canonical padded base64. */
  readonly signature: string;
}

const PARAMETERS = /^SignedHeaders=([^, ]+), ?Signature=(.+)$/;
// The field itself; and Host, whose canonical form belongs to requests.
const UNSIGNABLE_IN_RESPONSES: readonly string[] = ['authentication-info', 'host'];

/** Writes an Authentication-Info field (RFC 9110 §11.6.3). The names must already be in order. */
export function formatAuthenticationInfo(
  signedHeaders: readonly string[],
  signature: string,
): string {
  return `SignedHeaders=${signedHeaders.join(';')},Signature=${signature}`;
}

/**
 * Reads an Authentication-Info field: `SignedHeaders=…;…,Signature=…`, in this order and nothing else.
 *
 * @param value - the field value, white space around it already removed
 * @returns what it says, or a refusal with `authorization_malformed`
 */
export function parseAuthenticationInfo(value: string): AuthenticationInfo | Refusal {
  const match = value.length > MAX_AUTHORIZATION_LENGTH ? null : PARAMETERS.exec(value);
  if (match === null) return malformed('it is not SignedHeaders=…,Signature=…');
  const signed = readNames(match[1] as string);
  if (typeof signed === 'string') return malformed(signed);
  const signedHeaders = signed.names;
  const unsignable = UNSIGNABLE_IN_RESPONSES.find((name) => signedHeaders.includes(name));
  if (unsignable !== undefined)
    return malformed(`SignedHeaders has ${unsignable}, which cannot be signed in a response`);
  const signature = match[2] as string;
  if (!isBase64Of(32, signature) && !isBase64Of(64, signature)) {
    return malformed('Signature is not canonical base64 of 32 or 64 bytes');
  }
  return { signedHeaders, signature };
}

function malformed(what: string): Refusal {
  return new Refusal(
    'authorization_malformed',
    `The Authentication-Info field is refused: ${what}.`,
  );
}
