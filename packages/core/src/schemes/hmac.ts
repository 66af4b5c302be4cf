import { readAuthorization } from '../authorization-field.js';
import { unsignedField } from '../coverage.js';
import { parseImfDate } from '../dates.js';
import { fieldBits, fieldPlace } from '../header-fields.js';
import { linesOf } from '../header-lines.js';
import { Refusal } from '../refusal.js';
import { stringToSign } from '../string-to-sign.js';
import type { Scheme, UnverifiedClaim, Validity } from './scheme.js';

const DATE = /* @__PURE__ */ fieldBits(['date']);
const X_DATE = /* @__PURE__ */ fieldBits(['x-date']);
const AUTHORIZATION = /* @__PURE__ */ fieldPlace('authorization');
const NONCE = /* @__PURE__ */ fieldPlace('x-nonce');
const HOST_AND_NONCE = /* @__PURE__ */ fieldBits(['host', 'x-nonce']);

/** The protocol's own scheme: `Authorization: HMAC-256 …` with Date or X-Date, and X-Nonce. */
export const hmacScheme: Scheme = /* @__PURE__ */ Object.freeze({
  signsContent: true,

  parse({ fields }): UnverifiedClaim | Refusal | undefined {
    const value = fields.at(AUTHORIZATION, 'authorization');
    if (value === undefined) return undefined;
    const field = readAuthorization(value);
    if (field instanceof Refusal) return field;
    const { algorithm, credential, signedHeaders, signed, signature } = field;
    return { scheme: hmacScheme, algorithm, credential, signedHeaders, signed, signature };
  },

  uncovered({ signedHeaders, signed: { bits } }, fields): Refusal | undefined {
    // At one look, of nearly all requests; then which fault is the first.
    const dates = bits & (DATE | X_DATE);
    const covered = (bits & fields.present & HOST_AND_NONCE) === HOST_AND_NONCE;
    if (covered && (dates === DATE || dates === X_DATE)) return undefined;
    const fault =
      unsignedField('host', signedHeaders, fields) ??
      unsignedField('x-nonce', signedHeaders, fields);
    if (fault !== undefined) return fault;
    if (signedHeaders.includes('date')) {
      return signedHeaders.includes('x-date')
        ? new Refusal('header_malformed', 'Both date and x-date are signed; sign one of them.')
        : undefined;
    }
    if (signedHeaders.includes('x-date')) return undefined;
    return unsignedField(fields.has('x-date') ? 'x-date' : 'date', signedHeaders, fields);
  },

  stringToSign(claim, { method, canonicalTarget, host, fields }): string {
    return stringToSign({
      algorithm: claim.algorithm,
      credential: claim.credential,
      method,
      target: canonicalTarget,
      headerLines: linesOf(claim.signed, fields, host),
    });
  },

  validity({ signed }, fields, skew): Validity | Refusal {
    const name = (signed.bits & X_DATE) === 0 ? 'date' : 'x-date';
    const date = parseImfDate(fields.get(name) as string);
    return date === undefined
      ? new Refusal('date_malformed', `${name} is not an IMF-fixdate of a real date.`)
      : { date, from: date - skew, until: date + skew };
  },

  nonce(_claim, fields): string {
    return fields.at(NONCE, 'x-nonce') as string;
  },
} satisfies Scheme);
