import { FIELD_VALUE, isNonce, trimOws } from './grammar.js';
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

const PLACES: ReadonlyMap<string, number> = new Map(
  SINGLE_FIELDS.map((name, place) => [name, place]),
);

/** Which of {@link SINGLE_FIELDS} a lower-case name is, for {@link HeaderFields.at}; -1 if it is none. */
export function fieldPlace(name: string): number {
  return PLACES.get(name) ?? -1;
}

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
      if (place === -1) continue;
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
    return this.at(fieldPlace(name), name);
  }

  /** The same, for who knows the {@link fieldPlace} of the name. */
  at(place: number, name: string): string | undefined {
    return place === -1 ? this.allOthers().get(name) : this.values[place];
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

  /** False if no field that anybody has asked for is there more than once, which needs no look at each. */
  get anyRepeated(): boolean {
    return this.repeated !== undefined;
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
      if (placeOf(raw[i] as string) !== -1) continue;
      const name = (raw[i] as string).toLowerCase();
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

// By length, with each name also as it is mostly written: to compare with one or two names costs a third of hashing a name that a
// parser has just made, which saves a twentieth of a verification.
const BY_LENGTH = /* @__PURE__ */ byLength();

function byLength() {
  const lists: [place: number, lower: string, title: string][][] = [];
  SINGLE_FIELDS.forEach((name, place) => {
    const list = lists[name.length] ?? [];
    list.push([place, name, inTitleCase(name)]);
    lists[name.length] = list;
  });
  return lists;
}

/** The {@link fieldPlace} of a name in any case. */
function placeOf(name: string): number {
  const alike = BY_LENGTH[name.length];
  if (alike === undefined) return -1;
  for (const [place, lower, title] of alike) if (name === title || name === lower) return place;
  return fieldPlace(name.toLowerCase());
}

function inTitleCase(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/**
 * Why a field cannot be signed, if it cannot: absent, more than once, or with a byte outside SP, HTAB and `!`–`~`.
 *
 * @returns a refusal with `header_missing`, `header_duplicated` or `header_malformed`, or `undefined`
 */
export function unsignableField(
  name: string,
  fields: HeaderFields,
  place: number = fieldPlace(name),
): Refusal | undefined {
  const value = fields.at(place, name);
  if (value === undefined) {
    return new Refusal(
      'header_missing',
      `SignedHeaders names ${name}, which is not in the request.`,
    );
  }
  if (fields.anyRepeated && fields.isRepeated(name)) {
    return new Refusal('header_duplicated', `${name} is signed and occurs more than once.`);
  }
  if (!isFieldValue(value, place)) {
    return new Refusal('header_malformed', `${name} has a byte outside SP, HTAB and "!"–"~".`);
  }
  return undefined;
}

const NONCE = /* @__PURE__ */ fieldPlace('x-nonce');
// What each field had last and was found good: the date, the type and the host come again with the next request. Saves a
// thirtieth of a verification.
const LAST_VALUES: (string | undefined)[] = /* @__PURE__ */ SINGLE_FIELDS.map(() => undefined);

function isFieldValue(value: string, place: number): boolean {
  if (place === -1) return FIELD_VALUE.test(value);
  if (value === LAST_VALUES[place]) return true;
  // A nonce in its own form, which stage 6 asks for, need not be looked through twice.
  if (place === NONCE && isNonce(value)) return true;
  if (!FIELD_VALUE.test(value)) return false;
  LAST_VALUES[place] = value;
  return true;
}
