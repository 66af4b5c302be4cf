import type { PayloadRules } from '@countersign/server/policy';
import { stop } from './payload-fault.js';

// What reaches the prototype of an object where a program copies names unchecked.
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/** Counts what a parser meets, and ends it at the first that is too much. */
export class PayloadLimits {
  readonly #rules: PayloadRules;
  #depth = 0;
  #keys = 0;

  constructor(rules: PayloadRules) {
    this.#rules = rules;
  }

  enter(): void {
    const { maxDepth } = this.#rules;
    if (++this.#depth > maxDepth) {
      stop('payload_too_complex', `The body has more than ${maxDepth} levels.`);
    }
  }

  leave(): void {
    this.#depth--;
  }

  /** A name of a member, an element or an attribute. */
  name(name: string): void {
    const { maxKeys } = this.#rules;
    if (++this.#keys > maxKeys) {
      stop('payload_too_complex', `The body has more than ${maxKeys} names.`);
    }
    this.length(name.length);
    if (FORBIDDEN_NAMES.has(name)) {
      stop('payload_forbidden', 'The body has a name that reaches the prototype of an object.');
    }
  }

  /** UTF-16 units of a string, a name, a number or a text. */
  length(length: number): void {
    const { maxStringLength } = this.#rules;
    if (length > maxStringLength) {
      stop('payload_too_complex', `The body has more than ${maxStringLength} characters in a row.`);
    }
  }
}
