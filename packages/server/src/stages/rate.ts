import { FIELD_VALUE, Refusal } from '@countersign/core';
import { inTime, isPromise, type MaybePromise } from '../request-view.js';
import type { Identity } from '../verdict.js';
import { type AnswerFields, withAnswerFields } from './answer-fields.js';

/** `allowed`, or the seconds after which to try again. */
export type RateAnswer =
  | 'allowed'
  | {
      readonly retryAfter: number;
      /** Value of the field RateLimit in the answer; none unless given. */
      readonly rateLimit?: string | undefined;
      /** Value of the field RateLimit-Policy in the answer; none unless given. */
      readonly rateLimitPolicy?: string | undefined;
    };

/** Decides whether a caller may make one more request now. Anything but `allowed`, a throw included, refuses it. */
export type LimitRate = (identity: Identity) => MaybePromise<RateAnswer>;

/** Stage 10. Counts requests that are known to be real and new, so that nobody can spend another's share. */
export function checkRate(
  limitRate: LimitRate | undefined,
  identity: Identity,
  timeout: number,
): MaybePromise<Refusal | undefined> {
  if (limitRate === undefined) return undefined;
  try {
    const answer = limitRate(identity);
    return isPromise(answer)
      ? inTime(answer, timeout).then(refusalOf).catch(failed)
      : refusalOf(answer);
  } catch (error) {
    return failed(error);
  }
}

function refusalOf(answer: RateAnswer): Refusal | undefined {
  if (answer === 'allowed') return undefined;
  const seconds = Math.ceil(answer.retryAfter);
  const retryAfter = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 1), 86_400) : 1;
  const refusal = new Refusal('rate_limited', `Try again in ${retryAfter} s.`, { retryAfter });
  return withAnswerFields(refusal, fieldsOf(answer));
}

function fieldsOf({ rateLimit, rateLimitPolicy }: Exclude<RateAnswer, 'allowed'>): AnswerFields {
  return {
    ...(isFieldValue(rateLimitPolicy) ? { 'RateLimit-Policy': rateLimitPolicy } : {}),
    ...(isFieldValue(rateLimit) ? { RateLimit: rateLimit } : {}),
  };
}

function isFieldValue(value: unknown): value is string {
  return typeof value === 'string' && FIELD_VALUE.test(value);
}

function failed(cause: unknown): Refusal {
  return new Refusal('rate_limited', 'The rate could not be determined.', { cause });
}
