import type { RefusalCode } from '@countersign/core';

/** What a verifier is set to for a case, as in the files of vectors. */
export interface Conditions {
  readonly now: string;
  readonly skew: number;
  readonly hosts: readonly string[];
  readonly requiredHeaders: readonly string[];
  readonly maxBodyBytes: number;
  readonly presigned: boolean;
}

/** One request as bytes, and how it must end. */
export interface MatrixCase {
  readonly name: string;
  readonly method: string;
  readonly bytes: Uint8Array;
  readonly conditions: Conditions;
  /** Nonces that were used before. */
  readonly claimed: readonly (readonly [credential: string, nonce: string])[];
  /** `refused`: it matters only that it is, by whom does not. */
  readonly expected: 'accepted' | 'refused' | RefusalCode;
  /** What the handler must see of an accepted request. */
  readonly canonicalTarget: string;
  readonly body: Uint8Array;
  /** False for a presigned URL that may be used more than once. */
  readonly usedOnce: boolean;
}
