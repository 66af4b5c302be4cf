import { FIELD_VALUE, trimOws } from './grammar.js';
import { Refusal } from './refusal.js';

/** Header fields as they came over the wire: name, value, name, value …, duplicates and case kept (Node's `rawHeaders`). */
export type RawHeaders = readonly string[];

/** Fields by which the receiver may take the method for another one. */
export const METHOD_OVERRIDE_FIELDS: readonly string[] = [
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
];

/** Fields that a signer signs wherever they are: what says who, when, where to, and what the body means. */
export const PROTOCOL_FIELDS: readonly string[] = [
  'host',
  'date',
  'x-date',
  'x-nonce',
  'content-digest',
  'content-type',
  'content-encoding',
  ...METHOD_OVERRIDE_FIELDS,
];

/** Fields that may occur only once, signed or not. */
export const SINGLE_FIELDS: readonly string[] = [
  'authorization',
  'content-length',
  'transfer-encoding',
  ...PROTOCOL_FIELDS,
];

const NONE: ReadonlySet<string> = new Set();

/** Header fields by lower-case name. Made in one pass over the raw list, the only source of header values. */
export class HeaderFields {
  private readonly values = new Map<string, string>();
  /** Names of the fields that occur more than once. */
  readonly duplicated: ReadonlySet<string>;

  constructor(raw: RawHeaders) {
    let duplicated: Set<string> | undefined;
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = (raw[i] as string).toLowerCase();
      if (!this.values.has(name)) this.values.set(name, trimOws(raw[i + 1] as string));
      else if (duplicated === undefined) duplicated = new Set([name]);
      else duplicated.add(name);
    }
    this.duplicated = duplicated ?? NONE;
  }

  /** The value without the white space around it, or `undefined`. Of a duplicated field, the first: see {@link duplicated}. */
  get(name: string): string | undefined {
    return this.values.get(name);
  }

  /** True if the field is there, once or more. */
  has(name: string): boolean {
    return this.values.has(name);
  }
}

/**
 * Why a field cannot be signed, if it cannot: absent, more than once, or with a byte outside SP, HTAB and `!`–`~`.
 *
 * @returns a refusal with `header_missing`, `header_duplicated` or `header_malformed`, or `undefined`
 */
export function unsignableField(name: string, fields: HeaderFields): Refusal | undefined {
  const value = fields.get(name);
  if (value === undefined) {
    return new Refusal(
      'header_missing',
      `SignedHeaders names ${name}, which is not in the request.`,
    );
  }
  if (fields.duplicated.has(name)) {
    return new Refusal('header_duplicated', `${name} is signed and occurs more than once.`);
  }
  if (!FIELD_VALUE.test(value)) {
    return new Refusal('header_malformed', `${name} has a byte outside SP, HTAB and "!"–"~".`);
  }
  return undefined;
}
