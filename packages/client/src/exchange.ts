import { parseImfDate } from '@countersign/core';
import { checkAnswer, type ReceivedResponse } from './check-answer.js';
import { type ClockCorrected, ClockOffsets } from './clock-offsets.js';
import { type RefusalDocument, readRefusal } from './refused-error.js';
import { ResponseFaultError } from './response-fault-error.js';
import type { RequestToSign, SignatureHeaders, SignedAttempt, Signer } from './signer.js';

/** What a client does about answers. Every client takes these. */
export interface AnswerOptions {
  /** Rejects with a {@link ResponseFaultError} unless the response is signed and unaltered; off unless `true`. */
  readonly requireSignedResponse?: boolean | undefined;
  /** Most bytes of a response that is held back to be checked; 1 MiB unless said otherwise. */
  readonly maxResponseBytes?: number | undefined;
  /** Corrects the clock by what a signed refusal says of the server's; on unless `false`. */
  readonly correctClock?: boolean | undefined;
  /** Is told when the clock of an origin was found to differ. */
  readonly onClockCorrected?: ((event: ClockCorrected) => void) | undefined;
}

/** The options once they are checked, and what was learnt since. */
export interface AnswerRules {
  readonly requireSigned: boolean;
  readonly maxResponseBytes: number;
  readonly correctClock: boolean;
  readonly offsets: ClockOffsets;
}

/** The names of the options, for clients that take others too. */
export const ANSWER_OPTIONS: readonly string[] = [
  'requireSignedResponse',
  'maxResponseBytes',
  'correctClock',
  'onClockCorrected',
];

/** @throws TypeError or RangeError that names the option */
export function checkAnswerOptions(options: AnswerOptions): AnswerRules {
  const {
    requireSignedResponse = false,
    maxResponseBytes = 2 ** 20,
    correctClock = true,
  } = options;
  const { onClockCorrected } = options;
  for (const [name, value] of Object.entries({ requireSignedResponse, correctClock })) {
    if (typeof value !== 'boolean') throw new TypeError(`${name}: expected true or false`);
  }
  if (!Number.isSafeInteger(maxResponseBytes) || maxResponseBytes < 0) {
    throw new RangeError('maxResponseBytes: expected a whole number of bytes');
  }
  if (onClockCorrected !== undefined && typeof onClockCorrected !== 'function') {
    throw new TypeError('onClockCorrected: expected a function');
  }
  return {
    requireSigned: requireSignedResponse,
    maxResponseBytes,
    correctClock,
    offsets: new ClockOffsets(onClockCorrected),
  };
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  /** Value of a field, as `Headers` gives it. */
  get(name: string): string | null | undefined;
}

// A later answer says what the time was, not what it is (milliseconds).
const SLOWEST = 10_000;
const LONGEST_REFUSAL = 65_536;
const CLOCK_CODES: ReadonlySet<string> = new Set(['date_expired', 'date_in_future']);
const KEY_CODES: ReadonlySet<string> = new Set([
  ...['credential_rejected', 'credential_unknown', 'credential_inactive'],
  ...['algorithm_mismatch', 'signature_mismatch'],
]);

/**
 * One request of an application and all attempts at it: each is signed anew, and each answer tells whether there is to be
 * another one.
 */
export class Exchange {
  readonly #signer: Signer;
  readonly #rules: AnswerRules;
  #attempt: SignedAttempt | undefined;
  #origin = '';
  #sentAt = 0;
  #method = '';
  // An offset that is tried, and kept only if it is accepted.
  #trial: number | undefined;
  #corrected = '';
  #reloaded = false;

  constructor(signer: Signer, rules: AnswerRules) {
    this.#signer = signer;
    this.#rules = rules;
  }

  /** Fields to send with the next attempt. */
  sign(request: RequestToSign): SignatureHeaders {
    const { origin } = new URL(request.url);
    // Each has its own clock: what is on trial for one says nothing of where it redirects to.
    if (origin !== this.#origin) this.#trial = undefined;
    this.#origin = origin;
    this.#method = request.method ?? 'GET';
    const offset = this.#trial ?? this.#rules.offsets.of(origin);
    this.#attempt = this.#signer.attempt(request, offset);
    this.#sentAt = performance.now();
    return this.#attempt.headers;
  }

  /** What the last attempt signed. */
  get stringToSign(): string {
    return this.#attempt?.stringToSign ?? '';
  }

  /** How many bytes of the body {@link judge} wants to see before anybody else does; `undefined` for none of it. */
  wants(head: ResponseHead): number | undefined {
    const { requireSigned, maxResponseBytes } = this.#rules;
    if (requireSigned) return maxResponseBytes;
    if (head.get('content-encoding') != null) return undefined; // it may grow beyond its length
    const length = Number(head.get('content-length') ?? Number.NaN);
    const isRefusal =
      head.status === 401 && head.get('content-type')?.startsWith('application/problem+json');
    if (isRefusal && length <= LONGEST_REFUSAL) return LONGEST_REFUSAL;
    const isTrial = this.#trial !== undefined && head.get('authentication-info') != null;
    return isTrial && (length <= maxResponseBytes || this.#method === 'HEAD')
      ? maxResponseBytes
      : undefined;
  }

  /**
   * Looks at an answer whose body was wanted.
   *
   * @param body - the bytes; `undefined` if there were more than were wanted
   * @returns true if another attempt is to be made
   * @throws ResponseFaultError if it had to be signed and cannot be believed
   */
  async judge(
    response: Omit<ReceivedResponse, 'body'>,
    body: Uint8Array | undefined,
  ): Promise<boolean> {
    const took = performance.now() - this.#sentAt;
    const attempt = this.#attempt as SignedAttempt;
    const { status, headers } = response;
    const { requireSigned, maxResponseBytes, offsets } = this.#rules;
    if (body === undefined) {
      if (!requireSigned) return false;
      const detail = `it has more than ${maxResponseBytes} bytes (maxResponseBytes).`;
      throw new ResponseFaultError('response_too_large', detail, status);
    }
    const received = this.#method === 'HEAD' ? new Uint8Array(0) : body;
    const fault = checkAnswer(attempt, { ...response, body: received });
    const refusal = status === 401 ? refusalOf(headers, body) : undefined;

    if (this.#trial !== undefined && fault === undefined && status !== 401) {
      offsets.keep(this.#origin, this.#trial);
    }
    this.#trial = undefined;
    if (refusal !== undefined && (await this.#again(refusal, headers, fault === undefined, took))) {
      return true;
    }
    if (requireSigned && fault !== undefined) {
      throw new ResponseFaultError(fault.reason, fault.detail, status);
    }
    return false;
  }

  async #again(
    { code }: RefusalDocument,
    headers: readonly string[],
    isSigned: boolean,
    took: number,
  ): Promise<boolean> {
    if (CLOCK_CODES.has(code)) {
      const mayCorrect = this.#rules.correctClock && isSigned && took <= SLOWEST;
      if (!mayCorrect || this.#corrected === this.#origin) return false;
      this.#corrected = this.#origin;
      const date = parseImfDate(fieldOf(headers, 'date') ?? '');
      if (date === undefined) return false;
      this.#trial = date - this.#signer.second();
      return true;
    }
    if (!KEY_CODES.has(code) || this.#reloaded) return false;
    this.#reloaded = true;
    // Another request may have loaded the next one while this answer was on its way.
    return this.#signer.reload(this.#attempt?.request.secret);
  }
}

function refusalOf(headers: readonly string[], body: Uint8Array): RefusalDocument | undefined {
  return readRefusal(fieldOf(headers, 'content-type'), new TextDecoder().decode(body));
}

function fieldOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return at === -1 ? undefined : headers[at + 1];
}
