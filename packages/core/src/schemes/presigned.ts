import type { Algorithm } from '../algorithm.js';
import { parseBasicDate } from '../dates.js';
import { BASE64URL, CREDENTIAL } from '../grammar.js';
import { METHOD_OVERRIDE_FIELDS } from '../header-fields.js';
import { type SignedNames, signedNames } from '../header-lines.js';
import { Refusal } from '../refusal.js';
import type { Scheme, SchemeRequest, UnverifiedClaim, Validity } from './scheme.js';

/** The longest time a presigned URL may be good for, in seconds: a week. */
export const MAX_EXPIRES = 604_800;

const SIGNATURE = 'X-Hmac-Signature';
const NONCE = 'X-Hmac-Nonce';
const REQUIRED = ['X-Hmac-Credential', 'X-Hmac-Date', 'X-Hmac-Expires', SIGNATURE] as const;
// Written so that bundlers can leave out what a page does not use.
const PARAMETERS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  /* @__PURE__ */ [NONCE].concat(REQUIRED),
);

const EXPIRES = /^[1-9][0-9]{0,5}$/;
const ENCODED_BYTE = /%([0-9A-Fa-f]{2})/g;
const HOST_ONLY: SignedNames = /* @__PURE__ */ signedNames(/* @__PURE__ */ Object.freeze(['host']));
// Nothing of these is signed, and each would change what the request does.
const MUST_BE_ABSENT: readonly string[] = /* @__PURE__ */ ['transfer-encoding'].concat(
  METHOD_OVERRIDE_FIELDS,
  ['content-encoding', 'x-nonce'],
);

/** A presigned URL: `GET` or `HEAD` with the claim in the query (section 4 of the protocol). */
export const presignedScheme: Scheme = /* @__PURE__ */ Object.freeze({
  signsContent: false,

  parse(request): UnverifiedClaim | Refusal | undefined {
    const parameters = readParameters(request.target);
    if (parameters === undefined || parameters instanceof Refusal) return parameters;
    const missing = REQUIRED.find((name) => !parameters.has(name));
    if (missing !== undefined) return malformed(`it has no ${missing}`);
    const nonce = parameters.get(NONCE);
    const misused = misuse(request, nonce);
    if (misused !== undefined) return malformed(misused);

    const [credential = '', date = '', expires = '', signature = ''] = REQUIRED.map((name) =>
      parameters.get(name),
    );
    if (!CREDENTIAL.test(credential))
      return malformed('X-Hmac-Credential is not 1–128 of A-Z a-z 0-9 . _ -');
    if (!EXPIRES.test(expires) || Number(expires) > MAX_EXPIRES) {
      return malformed(`X-Hmac-Expires is not a number of seconds from 1 to ${MAX_EXPIRES}`);
    }
    const algorithm = algorithmOf(signature);
    if (algorithm === undefined) {
      return malformed('X-Hmac-Signature is not canonical base64url of 32 or 64 bytes');
    }
    return {
      scheme: presignedScheme,
      algorithm,
      credential,
      signedHeaders: HOST_ONLY.names,
      signed: HOST_ONLY,
      signature: toBase64(signature),
      presigned: { date, expires: Number(expires), nonce },
    };
  },

  uncovered(_claim, fields): Refusal | undefined {
    if (!fields.has('host'))
      return new Refusal('header_missing', 'host must be sent and signed, and is absent.');
    const unsigned =
      Number(fields.get('content-length') ?? 0) > 0
        ? 'content-length'
        : MUST_BE_ABSENT.find((name) => fields.has(name));
    return unsigned === undefined
      ? undefined
      : new Refusal('header_unsigned', `${unsigned} cannot be signed by a presigned URL.`);
  },

  stringToSign({ algorithm, credential }, { canonicalTarget, host }): string {
    return presignedStringToSign({ algorithm, credential, target: canonicalTarget, host });
  },

  validity({ presigned }, _fields, skew): Validity | Refusal {
    const date = parseBasicDate(presigned?.date ?? '');
    return date === undefined || presigned === undefined
      ? new Refusal('date_malformed', 'X-Hmac-Date is not YYYYMMDDTHHMMSSZ of a real date.')
      : { date, from: date - skew, until: date + presigned.expires };
  },

  nonce({ presigned }): string | undefined {
    return presigned?.nonce;
  },
} satisfies Scheme);

/** The parts of the text that is signed for a presigned URL, each already in its canonical form. */
export interface PresignedStringToSignParts {
  readonly algorithm: Algorithm;
  readonly credential: string;
  /** From `canonicalTarget`, with the other parameters in it; X-Hmac-Signature is left out of the text. */
  readonly target: string;
  /** From `canonicalHost`. */
  readonly host: string;
}

/** The text whose MAC is the signature of a presigned URL. A HEAD is verified as the GET it stands for. */
export function presignedStringToSign(parts: PresignedStringToSignParts): string {
  const { algorithm, credential, target, host } = parts;
  const question = target.indexOf('?');
  const signed = target
    .slice(question + 1)
    .split('&')
    .filter((piece) => !piece.startsWith(`${SIGNATURE}=`));
  return `${algorithm}-URL\n${credential}\nGET\n${target.slice(0, question)}?${signed.join('&')}\nhost: ${host}\n`;
}

/** The parameters by name; `undefined` where there is none of them. */
function readParameters(target: string): ReadonlyMap<string, string> | Refusal | undefined {
  const question = target.indexOf('?');
  if (question === -1) return undefined;
  const found = new Map<string, string>();
  for (const piece of target.slice(question + 1).split('&')) {
    const equals = piece.indexOf('=');
    const written = equals === -1 ? piece : piece.slice(0, equals);
    const name = written.includes('%') ? decode(written) : written;
    if (!PARAMETERS.has(name)) continue;
    const value = equals === -1 ? '' : piece.slice(equals + 1);
    // Whoever reads the query by its letters must find what was verified.
    if (written !== name || value.includes('%')) return malformed(`${name} is percent-encoded`);
    if (found.has(name)) return malformed(`${name} occurs more than once`);
    found.set(name, value);
  }
  return found.size === 0 ? undefined : found;
}

function decode(name: string): string {
  return name.replace(ENCODED_BYTE, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** What a presigned URL may not be used with. */
function misuse({ method, fields }: SchemeRequest, nonce: string | undefined): string | undefined {
  if (fields.has('authorization')) return 'there is an Authorization field too';
  if (method !== 'GET' && method !== 'HEAD') return 'the method is not GET or HEAD';
  // Whoever looks before opening would use it up.
  if (method === 'HEAD' && nonce !== undefined) return 'it is single-use, and HEAD would use it';
  return undefined;
}

/** The algorithm whose MAC has this length, if it is one. */
function algorithmOf(signature: string): Algorithm | undefined {
  if (signature.length !== 43 && signature.length !== 86) return undefined;
  if (!BASE64URL.test(signature)) return undefined;
  return signature.length === 43 ? 'HMAC-256' : 'HMAC-512';
}

function toBase64(signature: string): string {
  const standard = signature.replaceAll('-', '+').replaceAll('_', '/');
  return standard + (signature.length === 43 ? '=' : '==');
}

function malformed(what: string): Refusal {
  return new Refusal('authorization_malformed', `The presigned URL is refused: ${what}.`);
}
