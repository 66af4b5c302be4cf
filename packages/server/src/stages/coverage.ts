import {
  type CanonicalRequest,
  canonicalHost,
  canonicalTarget,
  fieldBits,
  fieldPlace,
  type HeaderFields,
  isMethod,
  METHOD_OVERRIDE_FIELDS,
  Refusal,
  type UnverifiedClaim,
  unsignableField,
  unsignedField,
} from '@countersign/core';
import type { RequestView } from '../request-view.js';
import type { BodyMode } from './body.js';

/** What the verifier asks of every request. */
export interface CoverageRules {
  /** Canonical hosts it answers for. */
  readonly hosts: ReadonlySet<string>;
  /** Lower-case names that must be signed besides those of the protocol. */
  readonly requiredHeaders: readonly string[];
  readonly body: { readonly mode: BodyMode };
}

const SIGNED_IF_PRESENT: readonly string[] = [
  'content-type',
  'content-encoding',
  ...METHOD_OVERRIDE_FIELDS,
];
const CONTENT = fieldBits(SIGNED_IF_PRESENT);
const FRAMING = fieldBits(['content-length', 'transfer-encoding']);
const DIGEST = fieldBits(['content-digest']);
const HOST = fieldPlace('host');
const LENGTH = fieldPlace('content-length');

/** Stage 4. Everything that decides what the request does must be signed and have one form. */
export function checkCoverage(
  rules: CoverageRules,
  claim: UnverifiedClaim,
  request: RequestView,
  fields: HeaderFields,
): CanonicalRequest | Refusal {
  const host = hostOf(rules.hosts, fields.at(HOST, 'host'));
  const fault =
    framingFault(fields) ??
    claim.scheme.uncovered(claim, fields) ??
    (claim.scheme.signsContent ? uncoveredContent(rules, claim, fields) : undefined) ??
    uncoveredRequired(rules.requiredHeaders, claim, fields) ??
    unsignable(claim, fields, host);
  if (fault !== undefined) return fault;

  if (!isMethod(request.method))
    return new Refusal('target_malformed', 'The method is not a token.');
  const target = canonicalTarget(request.target);
  if (target instanceof Refusal) return target;
  if (typeof host !== 'string') return host as Refusal; // the field is there, since it is signed
  if (!rules.hosts.has(host)) {
    return new Refusal('host_not_allowed', `This service does not answer for the host "${host}".`);
  }
  const { method } = request;
  return { method, target: request.target, fields, canonicalTarget: target, host };
}

/** The canonical host, or what is wrong with it. Those that are answered for are canonical, and mostly sent as they are. */
function hostOf(hosts: ReadonlySet<string>, written: string | undefined) {
  return written === undefined || hosts.has(written) ? written : canonicalHost(written);
}

/** Content-Length; NaN if that is not a decimal number, `undefined` if there is none. */
export function contentLength(fields: HeaderFields): number | undefined {
  const text = fields.at(LENGTH, 'content-length');
  if (text === undefined) return undefined;
  let length = text === '' ? Number.NaN : 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    length = digit >= 0 && digit <= 9 ? length * 10 + digit : Number.NaN;
  }
  return length;
}

/** True if the header says that a body follows: Content-Length above 0, or Transfer-Encoding, whatever the method. */
function declaresBody(fields: HeaderFields): boolean {
  return fields.has('transfer-encoding') || (contentLength(fields) ?? 0) > 0;
}

/** RFC 9112 §6.3, stricter: a length and a coding together, or any coding but chunked, is refused. */
function framingFault(fields: HeaderFields): Refusal | undefined {
  if ((fields.present & FRAMING) === 0) return undefined;
  const length = contentLength(fields);
  const coding = fields.get('transfer-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return new Refusal('header_malformed', 'Transfer-Encoding is not "chunked".');
  }
  if (length !== undefined && coding !== undefined) {
    return new Refusal(
      'header_malformed',
      'Content-Length and Transfer-Encoding are both present.',
    );
  }
  if (Number.isNaN(length)) {
    return new Refusal('header_malformed', 'Content-Length is not a decimal number.');
  }
  return undefined;
}

function uncoveredContent(
  rules: CoverageRules,
  { signedHeaders, signed: { bits } }: UnverifiedClaim,
  fields: HeaderFields,
): Refusal | undefined {
  const unsignedDigest = (bits & fields.present & DIGEST) === 0;
  if (unsignedDigest && rules.body.mode !== 'unsigned' && declaresBody(fields)) {
    const fault = unsignedField('content-digest', signedHeaders, fields);
    if (fault !== undefined) {
      return fault.code === 'header_missing'
        ? new Refusal('digest_missing', 'The request has a body and no Content-Digest.')
        : fault;
    }
  }
  if ((fields.present & CONTENT & ~bits) === 0) return undefined;
  const name = SIGNED_IF_PRESENT.find((each) => fields.has(each) && !signedHeaders.includes(each));
  return unsignedField(name as string, signedHeaders, fields);
}

function uncoveredRequired(
  required: readonly string[],
  { signedHeaders }: UnverifiedClaim,
  fields: HeaderFields,
): Refusal | undefined {
  for (const name of required) {
    const fault = unsignedField(name, signedHeaders, fields);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function unsignable(
  { signed: { names, places } }: UnverifiedClaim,
  fields: HeaderFields,
  host: string | Refusal | undefined,
): Refusal | undefined {
  for (let i = 0; i < names.length; i++) {
    const place = places[i] as number;
    if (place === HOST && typeof host === 'string') continue; // its own form is stricter
    const fault = unsignableField(names[i] as string, fields, place);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
