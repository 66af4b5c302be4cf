export { credentials, nonces } from './arbitraries/identifiers.js';
export { headerValues, requests } from './arbitraries/requests.js';
export { hostileTargets, targets } from './arbitraries/targets.js';
export type { ContractCheck } from './contract-check.js';
export { type FakeClock, fakeClock } from './fake-clock.js';
export { type KeyStoreContractOptions, keyStoreContract } from './key-store-contract.js';
export type {
  Difference,
  MatrixAdapter,
  MatrixServer,
  Outcome,
  SeenRequest,
} from './matrix/adapter.js';
export type { MatrixReport } from './matrix/ledger.js';
export { verdictMatrix } from './matrix/verdict-matrix.js';
export type {
  NonceStoreContractOptions,
  NonceStorePart,
  NonceStoreSetup,
} from './nonce-store/setup.js';
export { nonceStoreContract } from './nonce-store-contract.js';
export {
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
} from './signed-request.js';
export {
  headerOf,
  withAddedHeader,
  withAuthorization,
  withBody,
  withHeader,
  withMethod,
  withoutHeader,
  withTarget,
} from './tamper.js';
export { TEST_KEY, TEST_KEY_ENTRY } from './test-key.js';
export { toHttp1 } from './to-http1.js';
export { Wire, type WireReply } from './wire.js';
