import { type Algorithm, isAlgorithm } from './algorithm.js';
import { CREDENTIAL, isBase64Of, LOWER_CASE_TOKEN, TOKEN } from './grammar.js';
import { fieldBits } from './header-fields.js';
import { leadsOf, type SignedNames } from './header-lines.js';
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

const PARAMETERS = /^Credential=([^, ]+), ?SignedHeaders=([^, ]+), ?Signature=(.+)$/;

/** An Authorization field up to the signature. */
type Beginning = Omit<ParsedAuthorization, 'signature'>;

/** The same field, with what follows from it. */
export interface ParsedAuthorization extends AuthorizationField {
  readonly signed: SignedNames;
}

// A caller signs with the same beginnings again and again. To find one here saves a tenth of a verification; a stranger who
// fills the table with credentials of his own takes that away for as long as he goes on, and nothing else.
const BEGINNINGS = new Map<string, Known[]>();
const MOST_CREDENTIALS = 4096;
const MOST_BEGINNINGS = 4; // of one credential
const LONGEST_BEGINNING = 512;
const CREDENTIAL_AT = 'HMAC-256 Credential='.length;
const FIVE = 0x35;

interface Known {
  readonly text: string;
  readonly beginning: Beginning;
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

/** The same, with what follows from it. */
export function readAuthorization(value: string): ParsedAuthorization | Refusal {
  if (value.length > MAX_AUTHORIZATION_LENGTH) {
    return malformed(`it has more than ${MAX_AUTHORIZATION_LENGTH} characters`);
  }
  const known = knownBeginning(value);
  if (known !== undefined) return known;
  const space = value.indexOf(' ');
  const scheme = space === -1 ? value : value.slice(0, space);
  const algorithm = scheme.toUpperCase();
  if (!isAlgorithm(algorithm)) {
    return TOKEN.test(scheme)
      ? new Refusal('scheme_unsupported', 'The Authorization scheme is not HMAC-256 or HMAC-512.')
      : malformed('it does not begin with a scheme');
  }
  const match = space === -1 ? null : PARAMETERS.exec(value.slice(space + 1));
  if (match === null) {
    return malformed('after the scheme it is not Credential=…,SignedHeaders=…,Signature=…');
  }
  const credential = match[1] as string;
  if (!CREDENTIAL.test(credential))
    return malformed('Credential is not 1–128 of A-Z a-z 0-9 . _ -');
  const signedHeaders = parseNames(match[2] as string);
  if (typeof signedHeaders === 'string') return malformed(signedHeaders);
  const signature = match[3] as string;
  if (!isBase64Of(algorithm === 'HMAC-256' ? 32 : 64, signature)) {
    return malformed('Signature is not canonical base64 of as many bytes as the algorithm gives');
  }
  const signed = {
    names: signedHeaders,
    bits: fieldBits(signedHeaders),
    leads: leadsOf(signedHeaders),
  };
  const beginning = { algorithm, credential, signedHeaders, signed };
  remember(value.slice(0, -signature.length), beginning);
  return { ...beginning, signature };
}

/** The field, if it is a signature after a beginning that was met before. */
function knownBeginning(value: string): ParsedAuthorization | undefined {
  const credential = value.slice(CREDENTIAL_AT, value.indexOf(',', CREDENTIAL_AT));
  const all = BEGINNINGS.get(credential);
  if (all === undefined) return undefined;
  const length = value.charCodeAt('HMAC-'.length) === FIVE ? 88 : 44;
  for (let i = 0; i < all.length; i++) {
    const { text, beginning } = all[i] as Known;
    if (value.length !== text.length + length || !value.startsWith(text)) continue;
    const { algorithm, credential, signedHeaders, signed } = beginning;
    const signature = value.slice(-length);
    if (!isBase64Of(algorithm === 'HMAC-256' ? 32 : 64, signature)) return undefined;
    return { algorithm, credential, signedHeaders, signed, signature };
  }
  return undefined;
}

function remember(text: string, beginning: Beginning): void {
  if (text.length > LONGEST_BEGINNING) return;
  const { credential } = beginning;
  let all = BEGINNINGS.get(credential);
  if (all === undefined) {
    if (BEGINNINGS.size === MOST_CREDENTIALS) BEGINNINGS.clear();
    all = [];
    BEGINNINGS.set(credential, all);
  }
  if (all.length === MOST_BEGINNINGS) all.shift();
  all.push({ text, beginning });
}

// Many callers sign the same names.
const KNOWN_LISTS = new Map<string, readonly string[]>();
const MAX_KNOWN_LISTS = 256;
const MAX_KNOWN_LENGTH = 256;

/** The list of a SignedHeaders parameter, or what is wrong with it. */
export function parseNames(text: string): readonly string[] | string {
  const known = KNOWN_LISTS.get(text);
  if (known !== undefined) return known;
  const names = Object.freeze(text.split(';'));
  const fault = signedHeadersFault(names);
  if (fault !== undefined) return fault;
  if (KNOWN_LISTS.size < MAX_KNOWN_LISTS && text.length <= MAX_KNOWN_LENGTH) {
    KNOWN_LISTS.set(text, names);
  }
  return names;
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
