import type { Refusal } from '@countersign/core';

/**
 * What a body that is handed on while it arrives ends with, if it does not hold. Error handlers of Express, Koa, Fastify
 * and NestJS answer it with its status by themselves.
 *
 * @example
 * pipeline(request, createWriteStream('upload')).catch((error) => {
 *   if (error instanceof BodyRefusedError) console.log(error.refusal.code); // digest_mismatch
 * });
 */
export class BodyRefusedError extends Error {
  override readonly name = 'BodyRefusedError';
  /** HTTP status of the answer. */
  readonly status: number;
  readonly statusCode: number;
  /** The message is for the caller too. */
  readonly expose = true;
  readonly code: string;

  constructor(readonly refusal: Refusal) {
    super(refusal.detail);
    this.code = refusal.code;
    this.status = this.statusCode = refusal.status;
  }
}
