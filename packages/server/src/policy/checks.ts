// The definition is somebody's file: a message begins with the path of the bad value.

/** Where a value stands, such as `groups.partners.routes[2].methods`; empty for the whole. */
export type Path = string;

const NAME = /^[A-Za-z0-9._-]{1,128}$/;

export function under(path: Path, member: string): Path {
  return path === '' ? member : `${path}.${member}`;
}

/** The members of an object, none of them unknown. */
export function objectOf(
  value: unknown,
  path: Path,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  const object = anObject(value, path);
  for (const member of Object.keys(object)) {
    if (!known.includes(member)) {
      throw new TypeError(`${under(path, member)}: unknown member; known are ${known.join(', ')}`);
    }
  }
  return object;
}

/** The members of a map from names to something. */
export function namedOf(value: unknown, path: Path): readonly (readonly [string, unknown])[] {
  if (value === undefined) return [];
  return Object.entries(anObject(value, path)).map(([name, member]) => {
    if (!NAME.test(name)) {
      throw new TypeError(`${under(path, name)}: expected a name of 1–128 of A-Z a-z 0-9 . _ -`);
    }
    return [name, member];
  });
}

export function listOf(value: unknown, path: Path): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${path}: expected a list`);
  return value;
}

/** A list of texts, each made into something, none of them twice. */
export function textsOf<T>(
  value: unknown,
  path: Path,
  parse: (text: string) => T | undefined,
  expected: string,
): readonly T[] {
  const seen = new Set<T>();
  for (const [i, text] of listOf(value, path).entries()) {
    const parsed = typeof text === 'string' ? parse(text) : undefined;
    if (parsed === undefined) throw new TypeError(`${path}[${i}]: expected ${expected}`);
    if (seen.has(parsed)) throw new TypeError(`${path}[${i}]: occurs twice in this list`);
    seen.add(parsed);
  }
  return [...seen];
}

function anObject(value: unknown, path: Path): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${path || 'definition'}: expected an object`);
  }
  return value as Record<string, unknown>;
}
