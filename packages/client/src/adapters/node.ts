export { fileBody } from '../node/file-body.js';
export type { SignedResponse } from '../node/held-answer.js';
export { secretEnv, secretFile } from '../node/secrets.js';
export {
  type SignedRequest,
  type SignedRequestInit,
  type SignedRequestOptions,
  signedRequest,
} from '../node/signed-request.js';
