import {
  canonicalHost,
  canonicalTarget,
  FIELD_VALUE,
  formatContentDigest,
  isMethod,
  parseContentDigest,
  stringToSign,
  TOKEN,
  trimOws,
} from '@countersign/core';
import { bodyBytes, FORM_CONTENT_TYPE } from './request-body.js';
import { OWN, type SigningPlan } from './signed-names.js';
import type { ExplainedSignature, HeadersInput, RequestToSign } from './signer.js';
import { orThrow, type SignerRules } from './signer-options.js';

/** The layers of one signature. */
export interface Layers extends ExplainedSignature {
  /** Padded base64. */
  readonly signature: string;
}

/** Values of header fields, each at the place of its name. */
type Values = (string | undefined)[];

/**
 * Signs a request (section 1 of the protocol).
 *
 * @param offset - seconds that the server's clock is ahead
 * @throws TypeError that names the part
 */
export function signAttempt(rules: SignerRules, request: RequestToSign, offset: number): Layers {
  if (typeof request !== 'object' || request === null) {
    throw new TypeError('request: expected an object with a url');
  }
  const method = request.method ?? 'GET';
  if (typeof method !== 'string' || !isMethod(method)) {
    throw new TypeError('method: expected a method such as "POST"');
  }
  const { names, destination, algorithm, credential } = rules;
  const target = orThrow('url', canonicalTarget(destination.targetOf(request.url)));

  const { at } = names;
  const values: Values = new Array(names.size);
  takeHeaders(rules, request.headers, values);
  const date = rules.date(rules.second() + offset);
  const nonce = rules.nonce();
  const headers: Record<string, string> =
    rules.dateHeader === 'Date'
      ? { Date: date, 'X-Nonce': nonce }
      : { 'X-Date': date, 'X-Nonce': nonce };
  values[at.host] = destination.host;
  values[at.date] = date;
  values[at.nonce] = nonce;
  const { body, digest: given } = request;
  const digest = given === undefined ? digestOf(body, method) : checkedDigest(given, body);
  if (digest !== undefined) {
    headers['Content-Digest'] = digest;
    values[at.digest] = digest;
  }
  if (values[at.type] === undefined && body instanceof URLSearchParams) {
    headers['Content-Type'] = FORM_CONTENT_TYPE;
    values[at.type] = FORM_CONTENT_TYPE;
  }

  const plan = names.planOf(values);
  const headerLines = linesOf(plan, values);
  const text = stringToSign({ algorithm, credential, method, target, headerLines });
  const signature = rules.secret.current.sign(algorithm, text);
  headers.Authorization = plan.authorization + signature;
  const { signedHeaders } = plan;
  return { headers, canonicalTarget: target, signedHeaders, stringToSign: text, signature };
}

function takeHeaders(rules: SignerRules, headers: HeadersInput | undefined, values: Values): void {
  if (headers === undefined) return;
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError('headers: expected an object, pairs or Headers');
  }
  if (Symbol.iterator in headers) {
    for (const [name, value] of headers) takeHeader(rules, name, value, values);
  } else {
    for (const name of Object.keys(headers)) takeHeader(rules, name, headers[name], values);
  }
}

/** Puts a value in its place. None may stand where the signer's own will, and none twice. */
function takeHeader(rules: SignerRules, name: string, value: unknown, values: Values): void {
  const { names, destination } = rules;
  const place = names.placeOf(String(name));
  if (typeof value !== 'string' || (place === undefined && !TOKEN.test(name))) {
    throw new TypeError(`headers: "${name}" is not a field name with a string value`);
  }
  if (place === undefined) return;
  if (place === OWN) throw new TypeError(`headers: ${name.toLowerCase()} is set by the signer`);
  if (values[place] !== undefined) {
    throw new TypeError(`headers: ${name.toLowerCase()} is given more than once`);
  }
  if (!FIELD_VALUE.test(value)) {
    throw new TypeError(`headers: ${name.toLowerCase()} has a byte outside SP, HTAB and "!"–"~"`);
  }
  const trimmed = trimOws(value);
  if (place === names.at.host && canonicalHost(trimmed) !== destination.host) {
    throw new TypeError('headers: host differs from the host of the URL');
  }
  values[place] = trimmed;
}

function linesOf({ leads, places }: SigningPlan, values: Values): string {
  let lines = '';
  for (let i = 0; i < leads.length; i++) lines += `${leads[i]}${values[places[i] as number]}`;
  return `${lines}\n`;
}

function digestOf(body: RequestToSign['body'], method: string): string | undefined {
  const bytes = body === undefined || body === null ? '' : bodyBytes(body);
  const expectsBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  return bytes.length > 0 || expectsBody ? formatContentDigest(bytes) : undefined;
}

function checkedDigest(digest: unknown, body: RequestToSign['body']): string {
  if (body !== undefined && body !== null)
    throw new TypeError('digest: give either "body" or "digest"');
  if (typeof digest !== 'string')
    throw new TypeError('digest: expected a Content-Digest such as "sha-256=:…:"');
  orThrow('digest', parseContentDigest(digest));
  return digest;
}
