import type { RefusalCode, RefusalCodeEntry } from './refusal-codes.js';

/** What a refusal may carry besides its code and detail. */
export interface RefusalMore {
  readonly retryAfter?: number | undefined;
  readonly stringToSign?: string | undefined;
  readonly cause?: unknown;
}

/**
 * Why a request is not accepted. A value, not an exception: what a stranger sends never throws.
 *
 * @example
 * const target = canonicalTarget('/a/../b');
 * if (target instanceof Refusal) console.log(target.code); // target_malformed
 */
export class Refusal {
  readonly verdict = 'refused';

  /** Seconds until trying again may help, for Retry-After. */
  readonly retryAfter: number | undefined;
  /** What the verifier built, once it got that far; for `disclosure: 'full'` only. */
  readonly stringToSign: string | undefined;
  /** What a store or a hook threw; for logs, never for outsiders. */
  readonly cause: unknown;

  /**
   * @param code - the row of {@link REFUSAL_CODES}
   * @param detail - one sentence on this very request: what was wrong, and where
   * @param more - `retryAfter` in seconds (the table's figure where it is left out), `stringToSign`, `cause`
   */
  constructor(
    readonly code: RefusalCode,
    readonly detail: string,
    more: RefusalMore = {},
  ) {
    this.retryAfter = more.retryAfter ?? entryOf(code).retryAfter;
    this.stringToSign = more.stringToSign;
    this.cause = more.cause;
  }

  /** HTTP status of the answer. */
  get status(): number {
    return entryOf(this.code).status;
  }

  /** One line that says what happened. */
  get title(): string {
    return entryOf(this.code).title;
  }

  /** What to do about it. */
  get advice(): string {
    return entryOf(this.code).advice;
  }

  /** The same refusal, with the string to sign that the verifier built. */
  withStringToSign(stringToSign: string): Refusal {
    const { retryAfter, cause } = this;
    return new Refusal(this.code, this.detail, { retryAfter, stringToSign, cause });
  }
}

let table: Readonly<Record<string, RefusalCodeEntry>> | undefined;

/**
 * Takes the table that refusals are described by. It is handed over, and not imported, so that bundlers can leave its texts out of
 * a page that signs: only a verifier says them.
 */
export function describeRefusals<T extends Readonly<Record<string, RefusalCodeEntry>>>(
  entries: T,
): T {
  table = entries;
  return entries;
}

function entryOf(code: RefusalCode): RefusalCodeEntry {
  return table?.[code] ?? { stage: 0, status: 401, title: code, advice: '' };
}
