/** One named check of a contract. */
export interface ContractCheck {
  readonly name: string;
  /** Resolves if the contract holds; rejects with an Error whose message says what is wrong and why it matters. */
  run(): Promise<void>;
}

/** Throws unless `actual` is one of `expected`. */
export function expectOneOf<T>(actual: T, expected: readonly T[], what: string): void {
  if (!expected.includes(actual)) {
    throw new Error(`${what}: expected ${expected.map(show).join(' or ')}, got ${show(actual)}`);
  }
}

/** Throws unless the condition holds. */
export function expectThat(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value);
}
