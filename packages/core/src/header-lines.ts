/** Names of header fields that are signed together, with what follows from them: worked out once for each list. */
export interface SignedNames {
  /** In lower case, ascending. */
  readonly names: readonly string[];
  /** `fieldBits` of them. */
  readonly bits: number;
  /** From {@link leadsOf}. */
  readonly leads: readonly string[];
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
export function headerLines(
  names: readonly string[],
  fields: { get(name: string): string | undefined },
  host: string,
): string {
  return linesOf({ names, leads: leadsOf(names) }, fields, host);
}

/** The same, of a list whose leads are known. */
export function linesOf(
  { names, leads }: Pick<SignedNames, 'names' | 'leads'>,
  fields: { get(name: string): string | undefined },
  host: string,
): string {
  let lines = '';
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    lines += `${leads[i]}${name === 'host' ? host : fields.get(name)}`;
  }
  return `${lines}\n`;
}
