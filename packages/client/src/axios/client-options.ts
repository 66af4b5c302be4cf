import { type AnswerOptions, type AnswerRules, checkAnswerOptions } from '../exchange.js';
import { checkOrigins } from '../origins.js';
import type { Signer } from '../signer.js';

/** How far the requests of a client may go. */
export interface ClientOptions extends AnswerOptions {
  /** Origins that may be called, such as `https://api.example.com`; at least one. Nothing is signed for any other. */
  readonly origins: readonly string[];
  /** Most bytes that are held of a body that is a Blob, a form or a stream; 16 MiB unless said otherwise. */
  readonly maxBodyBytes?: number | undefined;
}

/** The options once they are checked. */
export interface ClientRules extends AnswerRules {
  readonly origins: ReadonlySet<string>;
  readonly maxBodyBytes: number | undefined;
}

/** @throws TypeError or RangeError that names the option */
export function checkClientOptions(signer: Signer, options: ClientOptions): ClientRules {
  if (typeof signer?.attempt !== 'function') {
    throw new TypeError('signer: expected a signer, from createSigner');
  }
  const origins = checkOrigins(options?.origins);
  const { maxBodyBytes } = options;
  if (maxBodyBytes !== undefined && !(Number.isSafeInteger(maxBodyBytes) && maxBodyBytes >= 0)) {
    throw new RangeError('maxBodyBytes: expected a whole number of bytes');
  }
  return { ...checkAnswerOptions(options), origins, maxBodyBytes };
}
