// Options are checked once, when the object is made; the message names the option.

/** An object with no member but these: a misspelt option must not mean its default. */
export function knownOptions(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('options: expected an object');
  }
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) {
      throw new TypeError(`${option}: unknown option; known are ${known.join(', ')}`);
    }
  }
}

/** A whole number within bounds. Zero, NaN or text never turns a check off. */
export function wholeNumber(option: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw new TypeError(`${option}: expected a number`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(
      `${option}: expected a whole number from ${least} to ${most}, got ${value}`,
    );
  }
  return value;
}

/** One of a few words. */
export function optionIn<T extends string>(option: string, value: unknown, words: readonly T[]): T {
  if (!words.includes(value as T)) {
    throw new TypeError(`${option}: expected ${words.map((word) => `"${word}"`).join(' or ')}`);
  }
  return value as T;
}

/** Nothing that is merely true or false in spirit. */
export function aBoolean(option: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${option}: expected true or false`);
  return value;
}

/** A function, or `undefined` where the option was left out. */
export function optionalFunction<T>(option: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== 'function') {
    throw new TypeError(`${option}: expected a function`);
  }
  return value;
}
