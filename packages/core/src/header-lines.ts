/**
 * The line of one signed header field.
 *
 * @param name - in lower case
 * @param value - without white space around it; of `host`, the canonical host
 */
export function headerLine(name: string, value: string | undefined): string {
  return `${name}: ${value}\n`;
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
  let lines = '';
  for (const name of names) lines += headerLine(name, name === 'host' ? host : fields.get(name));
  return lines;
}
