import {
  canonicalHost,
  canonicalTarget,
  checkResponse,
  FIELD_VALUE,
  formatAuthorization,
  formatContentDigest,
  HeaderFields,
  headerLines,
  MAX_SIGNED_HEADERS,
  parseContentDigest,
  type RawHeaders,
  type ResponseFault,
  stringToSign,
  TOKEN,
  trimOws,
} from '@countersign/core';
import { type PresignOptions, presignUrl } from './presign.js';
import { bodyBytes, FORM_CONTENT_TYPE, type SignableBody } from './request-body.js';
import { parseRequestUrl } from './request-url.js';
import {
  checkSignerOptions,
  orThrow,
  type SignerOptions,
  type SignerRules,
} from './signer-options.js';

/** Header fields of a request, in any of the shapes of fetch. */
export type HeadersInput =
  | Readonly<Record<string, string>>
  | Iterable<readonly [name: string, value: string]>;

/** A request that is about to be sent. */
export interface RequestToSign {
  /** As it will be sent; `GET` unless said otherwise. */
  readonly method?: string | undefined;
  /** Absolute. Text is signed as it stands; give a `URL` for what the WHATWG parser makes of it. */
  readonly url: string | URL;
  /** The fields that will be sent. None of the signer's own; `Host` only if it is that of the URL. */
  readonly headers?: HeadersInput | undefined;
  /** The bytes that will be sent, after any content coding. */
  readonly body?: SignableBody | null | undefined;
  /** Content-Digest of a body that is not given here, such as `sha-256=:…:`. */
  readonly digest?: string | undefined;
}

/** The header fields to add to the request, each replacing what the request may have under that name. */
export type SignatureHeaders = Readonly<Record<string, string>>;

/** A signature with the layers it was made of, to look at. */
export interface ExplainedSignature {
  readonly headers: SignatureHeaders;
  readonly canonicalTarget: string;
  readonly signedHeaders: readonly string[];
  readonly stringToSign: string;
}

/** Signs requests. Every call makes a new nonce: sign every attempt, retries and redirects included. */
export interface Signer {
  readonly credential: string;
  /**
   * The header fields to send: Date (or X-Date), X-Nonce, Content-Digest for a body, Authorization; and Content-Type where
   * the body is URLSearchParams and none was given.
   *
   * @throws TypeError if the request cannot be signed; the message names the part
   */
  sign(request: RequestToSign): SignatureHeaders;
  /** The same, with the canonical target and the string to sign. */
  explain(request: RequestToSign): ExplainedSignature;
  /**
   * The same, to hold the answer against.
   *
   * @param clockOffset - seconds that the server's clock is ahead of this one
   */
  attempt(request: RequestToSign, clockOffset?: number): SignedAttempt;
  /**
   * A URL that whoever holds it may GET until it expires (section 4 of the protocol). Nothing else of a request is signed.
   *
   * @throws TypeError or RangeError that names the part
   * @example signer.presign('https://api.example.com/v1/invoices/7.pdf', { expiresIn: 3600 })
   */
  presign(url: string | URL, options: PresignOptions): string;
  /** Loads the secret, where `secret` is a function; rejects with what that rejects with. */
  ready(): Promise<void>;
  /** Asks that function again. True if it gave another secret; `sign` uses it from then on. */
  reload(): Promise<boolean>;
  /** Whole seconds since 1970, by the signer's clock. */
  second(): number;
}

/** One signed request, and what is needed to believe its answer. */
export interface SignedAttempt extends ExplainedSignature {
  /**
   * Holds a response against its signature (section 3 of the protocol).
   *
   * @returns what is wrong, or `undefined` if the server that knows the secret gave this answer to this very request
   */
  check(response: ReceivedResponse): ResponseFault | undefined;
}

/** A response as it arrived. */
export interface ReceivedResponse {
  readonly status: number;
  /** Name, value, name, value …, as on the wire. */
  readonly headers: RawHeaders;
  /** The bytes on the wire, before any content coding is undone; empty where there is no body. */
  readonly body: Uint8Array;
}

const OWN_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'date',
  'x-date',
  'x-nonce',
  'content-digest',
]);
/**
 * Makes a signer. Options are checked here, once.
 *
 * @throws TypeError or RangeError that names the option, and never repeats the secret
 * @example
 * const signer = createSigner({ credential: 'orders-service', secret: process.env.COUNTERSIGN_SECRET });
 * const headers = signer.sign({ method: 'POST', url: 'https://api.example.com/v1/orders', body: '{}' });
 */
export function createSigner(options: SignerOptions): Signer {
  const rules = checkSignerOptions(options);
  return Object.freeze({
    credential: rules.credential,
    sign: (request: RequestToSign) => signRequest(rules, request, 0).headers,
    explain(request: RequestToSign) {
      const { signature: _, ...explained } = signRequest(rules, request, 0);
      return explained;
    },
    attempt: (request: RequestToSign, clockOffset = 0) => attempt(rules, request, clockOffset),
    presign: (url: string | URL, options: PresignOptions) => presignUrl(rules, url, options),
    ready: () => rules.secret.ready(),
    reload: () => rules.secret.reload(),
    second: rules.second,
  });
}

function attempt(rules: SignerRules, request: RequestToSign, offset: number): SignedAttempt {
  const { algorithm, credential } = rules;
  const secret = rules.secret.current; // the one that signs, even if another is loaded before the answer comes
  const { signature, ...explained } = signRequest(rules, request, offset);
  return {
    ...explained,
    check: ({ status, headers, body }) =>
      checkResponse(
        { status, fields: new HeaderFields(headers), body },
        { algorithm, credential, secret, signature },
      ),
  };
}

function signRequest(
  rules: SignerRules,
  request: RequestToSign,
  offset: number,
): ExplainedSignature & { readonly signature: string } {
  if (typeof request !== 'object' || request === null) {
    throw new TypeError('request: expected an object with a url');
  }
  const method = request.method ?? 'GET';
  if (typeof method !== 'string' || !TOKEN.test(method)) {
    throw new TypeError('method: expected a method such as "POST"');
  }
  const url = parseRequestUrl(request.url);
  const target = orThrow('url', canonicalTarget(url.target));
  const host = orThrow('url', canonicalHost(url.host));

  const fields = callersFields(rules, request.headers, host);
  const headers: Record<string, string> = {
    [rules.dateHeader]: rules.date(rules.second() + offset),
    'X-Nonce': rules.nonce(),
  };
  const digest = digestOf(request, method);
  if (digest !== undefined) headers['Content-Digest'] = digest;
  if (request.body instanceof URLSearchParams && !fields.has('content-type')) {
    headers['Content-Type'] = FORM_CONTENT_TYPE;
  }
  for (const name in headers) fields.set(name.toLowerCase(), headers[name] as string);

  const signedHeaders = namesToSign(rules, fields);
  const { algorithm, credential } = rules;
  const text = stringToSign({
    algorithm,
    credential,
    method,
    target,
    headerLines: headerLines(signedHeaders, fields, host),
  });
  const signature = rules.secret.current.sign(algorithm, text);
  headers.Authorization = formatAuthorization({ algorithm, credential, signedHeaders, signature });
  return { headers, canonicalTarget: target, signedHeaders, stringToSign: text, signature };
}

/** The caller's fields by lower-case name; none may stand where the signer's own will. */
function callersFields(
  rules: SignerRules,
  headers: HeadersInput | undefined,
  host: string,
): Map<string, string> {
  const fields = new Map<string, string>();
  if (headers !== undefined) {
    if (typeof headers !== 'object' || headers === null) {
      throw new TypeError('headers: expected an object, pairs or Headers');
    }
    const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
    for (const [name, value] of pairs) {
      const lower = String(name).toLowerCase();
      if (!TOKEN.test(lower) || typeof value !== 'string') {
        throw new TypeError(`headers: "${name}" is not a field name with a string value`);
      }
      if (OWN_FIELDS.has(lower)) throw new TypeError(`headers: ${lower} is set by the signer`);
      if (!rules.readByVerifier.has(lower)) continue;
      if (fields.has(lower)) throw new TypeError(`headers: ${lower} is given more than once`);
      if (!FIELD_VALUE.test(value)) {
        throw new TypeError(`headers: ${lower} has a byte outside SP, HTAB and "!"–"~"`);
      }
      if (lower === 'host' && canonicalHost(trimOws(value)) !== host) {
        throw new TypeError('headers: host differs from the host of the URL');
      }
      fields.set(lower, trimOws(value));
    }
  }
  return fields.set('host', host);
}

/** Those of the protocol that are present, and all that the options ask for; ascending. */
function namesToSign(rules: SignerRules, fields: ReadonlyMap<string, string>): string[] {
  for (const name of rules.signedHeaders) {
    if (!fields.has(name)) throw new TypeError(`headers: ${name} is to be signed and is not given`);
  }
  const names = rules.candidates.filter((name) => fields.has(name));
  if (names.length > MAX_SIGNED_HEADERS) {
    throw new TypeError(`headers: more than ${MAX_SIGNED_HEADERS} would have to be signed`);
  }
  return names;
}

function digestOf({ body, digest }: RequestToSign, method: string): string | undefined {
  if (digest !== undefined) {
    if (body !== undefined && body !== null)
      throw new TypeError('digest: give either "body" or "digest"');
    if (typeof digest !== 'string')
      throw new TypeError('digest: expected a Content-Digest such as "sha-256=:…:"');
    orThrow('digest', parseContentDigest(digest));
    return digest;
  }
  const bytes = body === undefined || body === null ? '' : bodyBytes(body);
  const expectsBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  return bytes.length > 0 || expectsBody ? formatContentDigest(bytes) : undefined;
}
