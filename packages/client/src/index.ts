export type { AnyBody, DigestedBody } from './body.js';
export { checkAnswer, type ReceivedResponse } from './check-answer.js';
export type { ClockCorrected } from './clock-offsets.js';
export type { AnswerOptions } from './exchange.js';
export type { PresignOptions } from './presign.js';
export { RefusedError } from './refused-error.js';
export type { SignableBody } from './request-body.js';
export { parseRequestUrl, type RequestUrl } from './request-url.js';
export { ResponseFaultError } from './response-fault-error.js';
export type { SecretProvider, SecretValue } from './secret-source.js';
export { signRequest } from './sign-request.js';
export {
  type FetchInit,
  type FetchResponse,
  type SignedFetch,
  type SignedFetchInit,
  type SignedFetchOptions,
  signedFetch,
} from './signed-fetch.js';
export {
  createSigner,
  type ExplainedSignature,
  type HeadersInput,
  type RequestToSign,
  type SignatureHeaders,
  type SignedAttempt,
  type Signer,
} from './signer.js';
export type { SignerOptions } from './signer-options.js';
