import type { UnverifiedClaim } from '@countersign/core';
import type { KeySecret } from '../keys/key-store.js';
import type { Identity } from '../verdict.js';
import type { FoundKey } from './key.js';

/** Stage 11. Who it was, now that the signature holds. Handed out only with an accepted request. */
export function identityOf(claim: UnverifiedClaim, key: FoundKey, secret: KeySecret): Identity {
  return {
    credential: key.record?.credential ?? claim.credential,
    algorithm: claim.algorithm,
    group: key.record?.group,
    secretId: secret.id,
    signedHeaders: claim.signedHeaders,
  };
}
