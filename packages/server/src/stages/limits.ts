import { HeaderFields, Refusal } from '@countersign/core';
import type { RequestView } from '../request-view.js';

/** The most header fields a request may have. */
export const MAX_HEADER_FIELDS = 100;

/** Stage 1. Counts the raw list and indexes it; refuses what would make the other stages look at the wrong value. */
export function checkLimits(request: RequestView): HeaderFields | Refusal {
  // A server that drops fields above a limit may have dropped some once that limit is reached.
  const most = Math.min(MAX_HEADER_FIELDS, (request.maxHeaders ?? Number.POSITIVE_INFINITY) - 1);
  const count = request.headers.length >> 1;
  if (count > most) {
    return new Refusal(
      'headers_too_many',
      `The request has ${count} header fields; ${most} are allowed.`,
    );
  }
  const fields = new HeaderFields(request.headers);
  const name = fields.repeatedSingle;
  if (name !== undefined) {
    return new Refusal('header_duplicated', `${name} occurs more than once.`);
  }
  return fields;
}
