import { parseAuthorization } from '../authorization-field.js';
import { unsignedField } from '../coverage.js';
import { parseImfDate } from '../dates.js';
import { headerLines } from '../header-lines.js';
import { Refusal } from '../refusal.js';
import { stringToSign } from '../string-to-sign.js';
import type { Scheme, UnverifiedClaim, Validity } from './scheme.js';

/** The protocol's own scheme: `Authorization: HMAC-256 …` with Date or X-Date, and X-Nonce. */
export const hmacScheme: Scheme = /* @__PURE__ */ Object.freeze({
  signsContent: true,

  parse({ fields }): UnverifiedClaim | Refusal | undefined {
    const value = fields.get('authorization');
    if (value === undefined) return undefined;
    const field = parseAuthorization(value);
    if (field instanceof Refusal) return field;
    const { algorithm, credential, signedHeaders, signature } = field;
    return { scheme: hmacScheme, algorithm, credential, signedHeaders, signature };
  },

  uncovered({ signedHeaders }, fields): Refusal | undefined {
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
      headerLines: headerLines(claim.signedHeaders, fields, host),
    });
  },

  validity({ signedHeaders }, fields, skew): Validity | Refusal {
    const name = signedHeaders.includes('x-date') ? 'x-date' : 'date';
    const date = parseImfDate(fields.get(name) as string);
    return date === undefined
      ? new Refusal('date_malformed', `${name} is not an IMF-fixdate of a real date.`)
      : { date, from: date - skew, until: date + skew };
  },

  nonce(_claim, fields): string {
    return fields.get('x-nonce') as string;
  },
} satisfies Scheme);
