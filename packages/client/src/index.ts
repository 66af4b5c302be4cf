export type { SignableBody } from './request-body.js';
export { parseRequestUrl, type RequestUrl } from './request-url.js';
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
  type Signer,
} from './signer.js';
export type { SignerOptions } from './signer-options.js';
