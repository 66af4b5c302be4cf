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

// As they are mostly written: to write a name in lower case costs more than to look it up.
const PLACES: ReadonlyMap<string, number> = new Map(
  [(name: string) => name, inTitleCase].flatMap((written) =>
    SINGLE_FIELDS.map((name, place) => [written(name), place] as const),
  ),
);

/**
 * Header fields by lower-case name, the only source of header values. Those that the protocol reads are found in one pass over
 * the raw list; all others only once somebody asks for one of them.
 */
export class HeaderFields {
  /** {@link fieldBits} of the fields that are there. */
  readonly present: number;
  private readonly values: (string | undefined)[] = new Array(SINGLE_FIELDS.length);
  private repeated: Set<string> | undefined;
  private others: Map<string, string> | undefined;

  constructor(private readonly raw: RawHeaders) {
    let present = 0;
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const place = placeOf(raw[i] as string);
      if (place === undefined) continue;
      const bit = 1 << place;
      if ((present & bit) !== 0) {
        this.repeat(SINGLE_FIELDS[place] as string);
        continue;
      }
      present |= bit;
      this.values[place] = trimOws(raw[i + 1] as string);
    }
    this.present = present;
  }

  /** The value without the white space around it, or `undefined`. Of a field that {@link isRepeated}, the first. */
  get(name: string): string | undefined {
    const place = PLACES.get(name);
    return place === undefined ? this.allOthers().get(name) : this.values[place];
  }

  /** True if the field is there, once or more. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** True if the field is there more than once. */
  isRepeated(name: string): boolean {
    if (this.others === undefined && !PLACES.has(name)) this.allOthers();
    return this.repeated?.has(name) === true;
  }

  /** The first of {@link SINGLE_FIELDS} that is there more than once. */
  get repeatedSingle(): string | undefined {
    return this.repeated === undefined
      ? undefined
      : SINGLE_FIELDS.find((name) => this.isRepeated(name));
  }

  private allOthers(): ReadonlyMap<string, string> {
    if (this.others !== undefined) return this.others;
    const { raw } = this;
    this.others = new Map();
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = (raw[i] as string).toLowerCase();
      if (PLACES.has(name)) continue;
      if (this.others.has(name)) this.repeat(name);
      else this.others.set(name, trimOws(raw[i + 1] as string));
    }
    return this.others;
  }

  private repeat(name: string): void {
    this.repeated ??= new Set();
    this.repeated.add(name);
  }
}

/** A set of names as a number: a bit for each of {@link SINGLE_FIELDS} that is among them. */
export function fieldBits(names: readonly string[]): number {
  let bits = 0;
  for (const name of names) {
    const place = PLACES.get(name);
    if (place !== undefined) bits |= 1 << place;
  }
  return bits;
}

function placeOf(name: string): number | undefined {
  return PLACES.get(name) ?? PLACES.get(name.toLowerCase());
}

function inTitleCase(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
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
  if (fields.isRepeated(name)) {
    return new Refusal('header_duplicated', `${name} is signed and occurs more than once.`);
  }
  if (!FIELD_VALUE.test(value)) {
    return new Refusal('header_malformed', `${name} has a byte outside SP, HTAB and "!"–"~".`);
  }
  return undefined;
}
