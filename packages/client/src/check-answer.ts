import {
  checkResponse,
  HeaderFields,
  type RawHeaders,
  type ResponseFault,
} from '@countersign/core';
import type { SignedAttempt } from './signer.js';

/** A response as it arrived. */
export interface ReceivedResponse {
  readonly status: number;
  /** Name, value, name, value …, as on the wire. */
  readonly headers: RawHeaders;
  /** The bytes on the wire, before any content coding is undone; empty where there is no body. */
  readonly body: Uint8Array;
}

/**
 * Holds a response against its signature (section 3 of the protocol).
 *
 * @param attempt - the request that was answered, from `signer.attempt`
 * @returns what is wrong, or `undefined` if the server that knows the secret gave this answer to this very request
 * @example
 * const attempt = signer.attempt({ url: 'https://api.example.com/v1/orders/7' });
 * const fault = checkAnswer(attempt, { status, headers: response.rawHeaders, body });
 */
export function checkAnswer(
  attempt: SignedAttempt,
  { status, headers, body }: ReceivedResponse,
): ResponseFault | undefined {
  return checkResponse({ status, fields: new HeaderFields(headers), body }, attempt.request);
}
