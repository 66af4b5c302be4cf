import {
  type CanonicalRequest,
  canonicalHost,
  canonicalTarget,
  type HeaderFields,
  METHOD_OVERRIDE_FIELDS,
  Refusal,
  TOKEN,
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

const DECIMAL = /^[0-9]+$/;
const SIGNED_IF_PRESENT: readonly string[] = [
  'content-type',
  'content-encoding',
  ...METHOD_OVERRIDE_FIELDS,
];

/** Stage 4. Everything that decides what the request does must be signed and have one form. */
export function checkCoverage(
  rules: CoverageRules,
  claim: UnverifiedClaim,
  request: RequestView,
  fields: HeaderFields,
): CanonicalRequest | Refusal {
  const fault =
    framingFault(fields) ??
    claim.scheme.uncovered(claim, fields) ??
    (claim.scheme.signsContent ? uncoveredContent(rules, claim, fields) : undefined) ??
    uncoveredRequired(rules.requiredHeaders, claim, fields) ??
    unsignable(claim, fields);
  if (fault !== undefined) return fault;

  if (!TOKEN.test(request.method))
    return new Refusal('target_malformed', 'The method is not a token.');
  const target = canonicalTarget(request.target);
  if (target instanceof Refusal) return target;
  const host = canonicalHost(fields.get('host') as string);
  if (host instanceof Refusal) return host;
  if (!rules.hosts.has(host)) {
    return new Refusal('host_not_allowed', `This service does not answer for the host "${host}".`);
  }
  const { method } = request;
  return { method, target: request.target, fields, canonicalTarget: target, host };
}

/** True if the header says that a body follows: Content-Length above 0, or Transfer-Encoding, whatever the method. */
export function declaresBody(fields: HeaderFields): boolean {
  return fields.has('transfer-encoding') || Number(fields.get('content-length') ?? 0) > 0;
}

/** RFC 9112 §6.3, stricter: a length and a coding together, or any coding but chunked, is refused. */
function framingFault(fields: HeaderFields): Refusal | undefined {
  const length = fields.get('content-length');
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
  if (length !== undefined && !DECIMAL.test(length)) {
    return new Refusal('header_malformed', 'Content-Length is not a decimal number.');
  }
  return undefined;
}

function uncoveredContent(
  rules: CoverageRules,
  { signedHeaders }: UnverifiedClaim,
  fields: HeaderFields,
): Refusal | undefined {
  if (rules.body.mode !== 'unsigned' && declaresBody(fields)) {
    const fault = unsignedField('content-digest', signedHeaders, fields);
    if (fault !== undefined) {
      return fault.code === 'header_missing'
        ? new Refusal('digest_missing', 'The request has a body and no Content-Digest.')
        : fault;
    }
  }
  for (const name of SIGNED_IF_PRESENT) {
    if (fields.has(name) && !signedHeaders.includes(name))
      return unsignedField(name, signedHeaders, fields);
  }
  return undefined;
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

function unsignable({ signedHeaders }: UnverifiedClaim, fields: HeaderFields): Refusal | undefined {
  for (const name of signedHeaders) {
    const fault = unsignableField(name, fields);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
