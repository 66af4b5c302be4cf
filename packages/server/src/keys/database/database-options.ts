import { CREDENTIAL } from '@countersign/core';
import { wholeNumber } from '../../options.js';

/** What the stores in databases have in common. */
export interface DatabaseOptions {
  /** How long a lookup may take, in milliseconds, 1–10,000; then it rejects. 250 unless said otherwise. */
  readonly deadline?: number | undefined;
  /** How long a change or a list may take, in milliseconds, 1–60,000; 5,000 unless said otherwise. */
  readonly changeDeadline?: number | undefined;
}

/** The same, with every default filled in. */
export interface DatabaseSettings {
  readonly deadline: number;
  readonly changeDeadline: number;
}

/** @throws TypeError or RangeError that names the option */
export function databaseSettings(options: DatabaseOptions): DatabaseSettings {
  const { deadline = 250, changeDeadline = 5_000 } = options;
  return {
    deadline: wholeNumber('deadline', deadline, 1, 10_000),
    changeDeadline: wholeNumber('changeDeadline', changeDeadline, 1, 60_000),
  };
}

/** False for what no key can have. */
export function isCredential(value: unknown): value is string {
  return typeof value === 'string' && CREDENTIAL.test(value);
}

/** @throws TypeError that names the argument of `change` */
export function checkChange(credential: unknown, change: unknown): void {
  if (!isCredential(credential)) {
    throw new TypeError('credential: expected 1–128 characters of A-Z a-z 0-9 . _ -');
  }
  if (typeof change !== 'function') throw new TypeError('change: expected a function');
}
