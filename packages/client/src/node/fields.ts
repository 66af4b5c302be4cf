/** Header fields in every shape that Node and undici take. */
export class Fields {
  readonly #fields = new Map<string, { readonly name: string; readonly values: string[] }>();

  /**
   * @param headers - an object whose values may be lists, pairs, a flat list of names and values, or Headers
   * @throws TypeError for anything else
   */
  constructor(headers: unknown) {
    for (const [name, value] of entriesOf(headers)) {
      if (typeof name !== 'string') throw new TypeError('headers: expected names that are strings');
      for (const each of Array.isArray(value) ? value : [value]) this.#add(name, each);
    }
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** The value; those of a repeated field are joined. */
  get(name: string): string | undefined {
    return this.#fields.get(name)?.values.join(', ');
  }

  /** Replaces a field, by its name in lower case. */
  set(name: string, value: string): void {
    this.#fields.set(name, { name, values: [value] });
  }

  delete(name: string): void {
    this.#fields.delete(name);
  }

  /** Name and value of each line. */
  pairs(): [name: string, value: string][] {
    return [...this.#fields.values()].flatMap(({ name, values }) =>
      values.map((value): [string, string] => [name, value]),
    );
  }

  /** An object, as `node:http` takes it. */
  object(): Record<string, string | string[]> {
    return Object.fromEntries(
      [...this.#fields.values()].map(({ name, values }) => [
        name,
        values.length === 1 ? (values[0] as string) : values,
      ]),
    );
  }

  #add(name: string, value: unknown): void {
    if (value === undefined) return;
    if (typeof value === 'object' && value !== null) {
      throw new TypeError(`headers: "${name}" has a value that is not a string`);
    }
    const lower = name.toLowerCase();
    const text = value === null ? '' : String(value);
    const known = this.#fields.get(lower);
    if (known === undefined) this.#fields.set(lower, { name, values: [text] });
    else known.values.push(text);
  }
}

function entriesOf(headers: unknown): Iterable<readonly [unknown, unknown]> {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object') {
    throw new TypeError('headers: expected an object, a list or Headers');
  }
  if (!(Symbol.iterator in headers)) return Object.entries(headers);
  const list = [...(headers as Iterable<unknown>)];
  if (list.every((item) => Array.isArray(item) && item.length === 2)) {
    return list as [unknown, unknown][];
  }
  if (list.length % 2 !== 0) throw new TypeError('headers: expected a value after every name');
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]] as const);
}
