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
  for (const name of names) lines += `${name}: ${name === 'host' ? host : fields.get(name)}\n`;
  return lines;
}
