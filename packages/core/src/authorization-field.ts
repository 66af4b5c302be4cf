import { type Algorithm, isAlgorithm } from './algorithm.js';
import { CREDENTIAL, isBase64Of, LOWER_CASE_TOKEN, TOKEN } from './grammar.js';
import { type SignedNames, signedNames } from './header-lines.js';
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

/** The same field, with what follows from it. */
export interface ParsedAuthorization extends AuthorizationField {
  readonly signed: SignedNames;
}

/**
 * Reads an Authorization field: `HMAC-256 Credential=…,SignedHeaders=…;…,Signature=…`, in this order and nothing else.
 *
 * @param value - the field value, white space around it already removed
 * @returns what it says, or a refusal with `authorization_malformed` or `scheme_unsupported`
 */
export function parseAuthorization(value: string): AuthorizationField | Refusal {
  const parsed = readAuthorization(value);
  if (parsed instanceof Refusal) return parsed;
  const { signed: _, ...field } = parsed;
  return field;
}

/** The same, with what follows from it. It costs alike for every credential, whether anybody has used it or not. */
export function readAuthorization(value: string): ParsedAuthorization | Refusal {
  return readUsual(value) ?? readInFull(value);
}

function readInFull(value: string): ParsedAuthorization | Refusal {
  if (value.length > MAX_AUTHORIZATION_LENGTH) {
    return malformed(`it has more than ${MAX_AUTHORIZATION_LENGTH} characters`);
  }
  const space = value.indexOf(' ');
  const scheme = space === -1 ? value : value.slice(0, space);
  const algorithm = scheme.toUpperCase();
  if (!isAlgorithm(algorithm)) {
    return TOKEN.test(scheme)
      ? new Refusal('scheme_unsupported', 'The Authorization scheme is not HMAC-256 or HMAC-512.')
      : malformed('it does not begin with a scheme');
  }
  const credentialEnd = value.indexOf(',', space);
  const namesStart = afterComma(value, credentialEnd);
  const namesEnd = value.indexOf(',', namesStart);
  const signatureStart = afterComma(value, namesEnd);
  if (
    space === -1 ||
    credentialEnd === -1 ||
    namesEnd === -1 ||
    !value.startsWith(CREDENTIAL_IS, space + 1) ||
    !value.startsWith(NAMES_ARE, namesStart) ||
    !value.startsWith(SIGNATURE_IS, signatureStart)
  ) {
    return malformed('after the scheme it is not Credential=…,SignedHeaders=…,Signature=…');
  }
  const credential = value.slice(space + 1 + CREDENTIAL_IS.length, credentialEnd);
  if (!CREDENTIAL.test(credential))
    return malformed('Credential is not 1–128 of A-Z a-z 0-9 . _ -');
  const signed = readNames(value.slice(namesStart + NAMES_ARE.length, namesEnd));
  if (typeof signed === 'string') return malformed(signed);
  const signature = value.slice(signatureStart + SIGNATURE_IS.length);
  if (!isSignature(algorithm, signature)) {
    return malformed('Signature is not canonical base64 of as many bytes as the algorithm gives');
  }
  const middle = value.slice(credentialEnd, value.length - signature.length);
  if (middle.length <= MAX_RECENT_LENGTH) RECENT[middle.length] = { middle, signed };
  return { algorithm, credential, signedHeaders: signed.names, signed, signature };
}

const CREDENTIAL_IS = 'Credential=';
const NAMES_ARE = 'SignedHeaders=';
const SIGNATURE_IS = 'Signature=';

/** Where the next part begins: behind the comma, and one space at most. */
function afterComma(value: string, comma: number): number {
  return value.charCodeAt(comma + 1) === 0x20 ? comma + 2 : comma + 1;
}

function isSignature(algorithm: Algorithm, text: string): boolean {
  return isBase64Of(algorithm === 'HMAC-256' ? 32 : 64, text);
}

/** All between a credential and a signature, as it was read before. */
interface Recent {
  readonly middle: string;
  readonly signed: SignedNames;
}

// Callers sign the same names again and again. By the length of the text, one for each. A stranger who puts texts of his own there
// takes away what they save for as long as he goes on, and nothing else.
const RECENT: (Recent | undefined)[] = [];
const MAX_RECENT_LENGTH = 512; // so all that strangers can put there is 4 MiB

const START_LENGTH = 'HMAC-256 Credential='.length;

function usualAlgorithm(start: string): Algorithm | undefined {
  if (start === 'HMAC-256 Credential=') return 'HMAC-256';
  return start === 'HMAC-512 Credential=' ? 'HMAC-512' : undefined;
}

/**
 * A field that differs from one read before in credential and signature only, which saves a tenth of a verification; `undefined`
 * for all others, and for those with a fault.
 */
function readUsual(value: string): ParsedAuthorization | undefined {
  const algorithm = usualAlgorithm(value.slice(0, START_LENGTH));
  if (algorithm === undefined) return undefined;
  const credentialEnd = value.indexOf(',', START_LENGTH);
  const signatureStart = value.length - (algorithm === 'HMAC-256' ? 44 : 88);
  const middle = value.slice(credentialEnd, signatureStart);
  const recent = RECENT[middle.length];
  if (recent === undefined || recent.middle !== middle) return undefined;
  const credential = value.slice(START_LENGTH, credentialEnd);
  const signature = value.slice(signatureStart);
  if (!CREDENTIAL.test(credential) || !isSignature(algorithm, signature)) return undefined;
  const { signed } = recent;
  return { algorithm, credential, signedHeaders: signed.names, signed, signature };
}

/** The list of a SignedHeaders parameter, or what is wrong with it. */
export function readNames(text: string): SignedNames | string {
  const names = Object.freeze(text.split(';'));
  return signedHeadersFault(names) ?? signedNames(names);
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
