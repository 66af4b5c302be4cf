import type { Refusal } from '@countersign/core';

/** Fields of an answer, in their usual spelling. */
export type AnswerFields = Readonly<Record<string, string>>;

// Beside the refusal, not in it: it is a value of the protocol, which knows no such fields.
const FIELDS = new WeakMap<Refusal, AnswerFields>();

/** The same refusal, whose answer will have these fields too. */
export function withAnswerFields(refusal: Refusal, fields: AnswerFields | undefined): Refusal {
  if (fields !== undefined) FIELDS.set(refusal, fields);
  return refusal;
}

/** The fields that a refusal's answer has besides those of its kind. */
export function answerFieldsOf(refusal: Refusal): AnswerFields | undefined {
  return FIELDS.get(refusal);
}
