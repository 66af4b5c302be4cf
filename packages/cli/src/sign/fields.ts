/** A header field as it will be sent. */
export type Field = readonly [name: string, value: string];

/**
 * Adds what curl adds for a body of `-d` or `--json`, so that `sign` and `curl` sign the same fields.
 *
 * @param removed - lower-case names that are not to be added
 */
export function withBodyFields(
  fields: readonly Field[],
  kind: 'data' | 'json' | 'form' | 'upload' | undefined,
  removed: ReadonlySet<string> = new Set(),
): readonly Field[] {
  if (kind !== 'data' && kind !== 'json') return fields;
  const added: readonly Field[] =
    kind === 'json'
      ? [
          ['Content-Type', 'application/json'],
          ['Accept', 'application/json'],
        ]
      : [['Content-Type', 'application/x-www-form-urlencoded']];
  const given = new Set(fields.map(([name]) => name.toLowerCase()));
  return [
    ...fields,
    ...added.filter(([name]) => !given.has(name.toLowerCase()) && !removed.has(name.toLowerCase())),
  ];
}
