export { ALGORITHMS, type Algorithm, isAlgorithm } from './algorithm.js';
export {
  type AuthorizationField,
  formatAuthorization,
  MAX_AUTHORIZATION_LENGTH,
  MAX_SIGNED_HEADERS,
  parseAuthorization,
  signedHeadersFault,
  UNSIGNABLE_FIELDS,
} from './authorization-field.js';
export { encodeBase64Url } from './base64.js';
export { canonicalTarget, MAX_TARGET_LENGTH } from './canonical-target.js';
export {
  type ContentDigest,
  checkContentDigest,
  type DigestAlgorithm,
  formatContentDigest,
  parseContentDigest,
  type RunningContentDigest,
  runningContentDigest,
} from './content-digest.js';
export { unsignedField } from './coverage.js';
export { formatBasicDate, formatImfDate, parseBasicDate, parseImfDate } from './dates.js';
export { CREDENTIAL, FIELD_VALUE, isMethod, isNonce, TOKEN, trimOws } from './grammar.js';
export {
  fieldBits,
  fieldPlace,
  HeaderFields,
  METHOD_OVERRIDE_FIELDS,
  PROTOCOL_FIELDS,
  type RawHeaders,
  SINGLE_FIELDS,
  unsignableField,
} from './header-fields.js';
export { headerLines, leadsOf, type SignedNames } from './header-lines.js';
export { canonicalHost } from './host.js';
export { Refusal, type RefusalMore } from './refusal.js';
export {
  isRefusalCode,
  publicCode,
  REFUSAL_CODES,
  type RefusalCode,
  type RefusalCodeEntry,
} from './refusal-codes.js';
export {
  type AnsweredRequest,
  checkResponse,
  type ResponseFault,
  type ResponseFaultReason,
  type UnverifiedResponse,
} from './response-check.js';
export {
  type AuthenticationInfo,
  formatAuthenticationInfo,
  parseAuthenticationInfo,
  type ResponseStringToSignParts,
  responseSignedHeaders,
  responseStringToSign,
} from './response-signature.js';
export { hmacScheme } from './schemes/hmac.js';
export {
  MAX_EXPIRES,
  type PresignedStringToSignParts,
  presignedScheme,
  presignedStringToSign,
} from './schemes/presigned.js';
export type {
  CanonicalRequest,
  PresignedParameters,
  Scheme,
  SchemeRequest,
  UnverifiedClaim,
  Validity,
} from './schemes/scheme.js';
export { MIN_SECRET_BYTES, Secret } from './secret.js';
export { type StringToSignParts, stringToSign } from './string-to-sign.js';
