import type { ResponseFaultReason } from '@countersign/core';

/** A response was to be signed, and cannot be believed. Nothing of its body is handed out. */
export class ResponseFaultError extends Error {
  override readonly name = 'ResponseFaultError';
  /**
   * `info_missing`: it is not signed. `signature_mismatch`: its status or a field was altered, or it answers another request.
   * `digest_mismatch`: its body was altered or cut short. `response_too_large`: it is longer than `maxResponseBytes`.
   */
  readonly reason: ResponseFaultReason | 'response_too_large';
  /** HTTP status; unverified, as is everything about the response. */
  readonly status: number;

  constructor(reason: ResponseFaultError['reason'], detail: string, status: number) {
    super(`The response (status ${status}) is not believed: ${detail}`);
    this.reason = reason;
    this.status = status;
  }
}
