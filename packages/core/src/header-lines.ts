import { fieldBits, fieldPlace, type HeaderFields } from './header-fields.js';

/** Names of header fields that are signed together, with what follows from them: worked out once for each list. */
export interface SignedNames {
  /** In lower case, ascending. */
  readonly names: readonly string[];
  /** `fieldBits` of them. */
  readonly bits: number;
  /** {@link fieldPlace} of each. */
  readonly places: readonly number[];
  /** From {@link leadsOf}. */
  readonly leads: readonly string[];
}

/** Works it out. The names must be in order. */
export function signedNames(names: readonly string[]): SignedNames {
  return { names, bits: fieldBits(names), places: names.map(fieldPlace), leads: leadsOf(names) };
}

/** What stands before each value: its name, and the end of the line before it. To have these saves a fortieth of a MAC. */
export function leadsOf(names: readonly string[]): readonly string[] {
  return names.map((name, i) => `${i === 0 ? '' : '\n'}${name}: `);
}

/**
 * One line per signed header, in list order: `name: value`, each ending in LF.
 *
 * @param names - lower-case names, each of which {@link unsignableField} found nothing wrong with
 * @param host - the canonical host, which stands for the value of the Host field
 */
export function headerLines(names: readonly string[], fields: HeaderFields, host: string): string {
  return linesOf(signedNames(names), fields, host);
}

const HOST = /* @__PURE__ */ fieldPlace('host');

/** The same, of a list that is worked out. */
export function linesOf(
  { names, places, leads }: SignedNames,
  fields: HeaderFields,
  host: string,
): string {
  let lines = '';
  for (let i = 0; i < names.length; i++) {
    const place = places[i] as number;
    lines += leads[i] as string;
    lines += place === HOST ? host : fields.at(place, names[i] as string);
  }
  return `${lines}\n`;
}
