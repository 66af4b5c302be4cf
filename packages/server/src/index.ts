export { Refusal, type RefusalCode } from '@countersign/core';
export type { Disclosure, HttpAnswer } from './answer.js';
export { BodyRefusedError } from './body-refused-error.js';
export type { OnEvent, Stage, VerificationEvent } from './events.js';
export { type KeyFileOptions, keyFile } from './keys/key-file.js';
export type { KeyRecord, KeySecret, KeyStore } from './keys/key-store.js';
export type { WatchedKeyStore, WatchOptions } from './keys/shared/watched-keys.js';
export { type KeyEntry, type KeySecretEntry, staticKeys } from './keys/static-keys.js';
export { type WatchKeyFileOptions, watchKeyFile } from './keys/watch-key-file.js';
export {
  type MemoryNonceStore,
  type MemoryNonceStoreOptions,
  memoryNonceStore,
} from './nonces/memory.js';
export type { NonceStore, NonceVerdict } from './nonces/nonce-store.js';
export { AddressList } from './policy/address-list.js';
export type { BodyLimits, BodySource, MaybePromise, RequestView } from './request-view.js';
export type { ResponseToSign } from './response-seal.js';
export type { AuthorizationAnswer, AuthorizationQuery, Authorize } from './stages/authorization.js';
export type { BodyMode } from './stages/body.js';
export { BodyWatch } from './stages/body-watch.js';
export type { LimitRate, RateAnswer } from './stages/rate.js';
export type { Accepted, Anonymous, Identity, Verdict } from './verdict.js';
export { createVerifier, type OptionalVerifier, type Verifier } from './verifier.js';
export type { StoreHealth, VerifierHealth } from './verifier-health.js';
export type { RouteOptions, VerifierOptions } from './verifier-rules.js';
