/** How one vector went. */
export interface Outcome {
  readonly name: string;
  /** What was expected and what came, if they differ. */
  readonly failure?: string;
}

/** Compares layer by layer, in the given order; the first that differs is the failure. */
export function compare(
  name: string,
  expected: Readonly<Record<string, unknown>>,
  got: Readonly<Record<string, unknown>>,
): Outcome {
  for (const layer of new Set([...Object.keys(expected), ...Object.keys(got)])) {
    const wanted = JSON.stringify(expected[layer]);
    const actual = JSON.stringify(got[layer]);
    if (wanted !== actual) {
      return { name, failure: `expected ${layer} ${wanted ?? 'none'}, got ${actual ?? 'none'}` };
    }
  }
  return { name };
}
