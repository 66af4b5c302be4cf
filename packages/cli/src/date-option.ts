import { parseImfDate } from '@countersign/core';
import { usage } from './exit.js';

/** The second that `--date` names; `undefined` without one. */
export function dateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = parseImfDate(text);
  if (seconds === undefined) {
    throw usage(`--date "${text}": expected a date such as "Wed, 01 Jan 2020 12:00:30 GMT"`);
  }
  return seconds;
}
