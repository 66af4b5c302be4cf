import {
  canonicalHost,
  canonicalTarget,
  formatAuthorization,
  formatContentDigest,
  formatImfDate,
  HeaderFields,
  headerLines,
  METHOD_OVERRIDE_FIELDS,
  NONCE,
  parseContentDigest,
  Refusal,
  signedHeadersFault,
  stringToSign,
  TOKEN,
  unsignableField,
} from '@countersign/core';
import { bodyBytes, FORM_CONTENT_TYPE, type SignableBody } from './request-body.js';
import { parseRequestUrl } from './request-url.js';
import { checkSignerOptions, type SignerOptions, type SignerRules } from './signer-options.js';

/** Header fields of a request, in any of the shapes of fetch. */
export type HeadersInput =
  | Readonly<Record<string, string>>
  | Iterable<readonly [name: string, value: string]>;

/** A request that is about to be sent. */
export interface RequestToSign {
  /** As it will be sent; `GET` unless said otherwise. */
  readonly method?: string;
  /** Absolute. Text is signed as it stands; give a `URL` for what the WHATWG parser makes of it. */
  readonly url: string | URL;
  /** The fields that will be sent. None of the signer's own; `Host` only if it is that of the URL. */
  readonly headers?: HeadersInput;
  /** The bytes that will be sent, after any content coding. */
  readonly body?: SignableBody | null | undefined;
  /** Content-Digest of a body that is not given here, such as `sha-256=:…:`. */
  readonly digest?: string;
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
}

const OWN_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'date',
  'x-date',
  'x-nonce',
  'content-digest',
]);
const SIGNED_IF_PRESENT: readonly string[] = [
  'content-type',
  'content-encoding',
  ...METHOD_OVERRIDE_FIELDS,
];
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
    sign: (request: RequestToSign) => signRequest(rules, request).headers,
    explain: (request: RequestToSign) => signRequest(rules, request),
  });
}

function signRequest(rules: SignerRules, request: RequestToSign): ExplainedSignature {
  const method = request.method ?? 'GET';
  if (typeof method !== 'string' || !TOKEN.test(method))
    throw new TypeError('method: expected a method such as "POST"');
  const url = parseRequestUrl(request.url);
  const target = orThrow('url', canonicalTarget(url.target));
  const host = orThrow('url', canonicalHost(url.host));

  const raw = callersHeaders(request.headers, host);
  const own = ownHeaders(rules, request, method);
  if (request.body instanceof URLSearchParams && !new HeaderFields(raw).has('content-type')) {
    own['Content-Type'] = FORM_CONTENT_TYPE;
  }
  raw.push('host', url.host);
  for (const name of Object.keys(own)) raw.push(name.toLowerCase(), own[name] as string);

  const fields = new HeaderFields(raw);
  const signedHeaders = namesToSign(rules, fields, own);
  const text = stringToSign({
    algorithm: rules.algorithm,
    credential: rules.credential,
    method,
    target,
    headerLines: headerLines(signedHeaders, fields, host),
  });
  own.Authorization = formatAuthorization({
    algorithm: rules.algorithm,
    credential: rules.credential,
    signedHeaders,
    signature: rules.secret.sign(rules.algorithm, text),
  });
  return { headers: own, canonicalTarget: target, signedHeaders, stringToSign: text };
}

/** The caller's fields as raw pairs with lower-case names; none may stand where the signer's own will. */
function callersHeaders(headers: HeadersInput | undefined, host: string): string[] {
  const raw: string[] = [];
  if (headers === undefined) return raw;
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
  for (const [name, value] of pairs) {
    const lower = String(name).toLowerCase();
    if (!TOKEN.test(lower) || typeof value !== 'string') {
      throw new TypeError(`headers: "${name}" is not a field name with a string value`);
    }
    if (OWN_FIELDS.has(lower)) {
      throw new TypeError(
        `headers: ${lower} is set by the signer${lower === 'content-digest' ? '; give "digest"' : ''}`,
      );
    }
    if (lower !== 'host') raw.push(lower, value);
    else if (canonicalHost(value) !== host)
      throw new TypeError('headers: host differs from the host of the URL');
  }
  return raw;
}

function ownHeaders(
  rules: SignerRules,
  request: RequestToSign,
  method: string,
): Record<string, string> {
  const nonce = rules.nonce();
  if (typeof nonce !== 'string' || !NONCE.test(nonce)) {
    throw new TypeError('nonce: expected 16–128 characters of A-Z a-z 0-9 _ -');
  }
  const own: Record<string, string> = {
    [rules.dateHeader]: formatImfDate(Math.floor(rules.now() / 1000)),
    'X-Nonce': nonce,
  };
  const digest = digestOf(request, method);
  if (digest !== undefined) own['Content-Digest'] = digest;
  return own;
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

function namesToSign(
  rules: SignerRules,
  fields: HeaderFields,
  own: Record<string, string>,
): string[] {
  const names = new Set<string>(rules.signedHeaders).add('host');
  for (const name of Object.keys(own)) names.add(name.toLowerCase());
  for (const name of SIGNED_IF_PRESENT) if (fields.has(name)) names.add(name);
  const sorted = [...names].sort();
  const fault = signedHeadersFault(sorted);
  if (fault !== undefined) throw new TypeError(`headers: ${fault}`);
  for (const name of sorted) {
    const unsignable = unsignableField(name, fields);
    if (unsignable !== undefined) throw new TypeError(`headers: ${unsignable.detail}`);
  }
  return sorted;
}

function orThrow<T>(part: string, value: T | Refusal): T {
  if (value instanceof Refusal) throw new TypeError(`${part}: ${value.detail}`);
  return value;
}
