import { type Algorithm, Refusal, Secret, type UnverifiedClaim } from '@countersign/core';
import type { KeyRecord, KeySecret, KeyStore } from '../keys/key-store.js';
import { inTime, isPromise, type MaybePromise } from '../request-view.js';

/** The secrets to try, and the refusal that is given after them whatever they say. */
export interface FoundKey {
  readonly record: KeyRecord | undefined;
  readonly secrets: readonly KeySecret[];
  /** Held until stage 5, so that a fault of stage 4 is answered alike for known and unknown credentials. */
  readonly held: Refusal | undefined;
}

// Nobody signs with it: its only use is to cost as much as a real one. A claim that matched it is still refused.
const DUMMY: readonly KeySecret[] = [{ secret: Secret.from(new Uint8Array(32)) }];

/** Stage 3. Finds the key, or what to pretend in its place. */
export function findKey(
  keys: KeyStore,
  claim: UnverifiedClaim,
  now: number,
  timeout: number,
): MaybePromise<FoundKey | Refusal> {
  try {
    const record = keys.find(claim.credential);
    if (!isPromise(record)) return judge(record, claim, now);
    return inTime(record, timeout)
      .then((found) => judge(found, claim, now))
      .catch(unavailable);
  } catch (error) {
    return unavailable(error);
  }
}

function judge(record: KeyRecord | undefined, claim: UnverifiedClaim, now: number): FoundKey {
  if (record === undefined || record === null || record.credential !== claim.credential) {
    return hold(new Refusal('credential_unknown', 'No key has this credential.'));
  }
  if (record.status !== 'active') {
    return hold(new Refusal('credential_inactive', 'The key is disabled.'));
  }
  const secrets = liveSecrets(record.secrets, now);
  if (secrets.length === 0) {
    return hold(new Refusal('credential_inactive', 'No secret of the key is live now.'));
  }
  if (record.algorithm !== claim.algorithm) {
    return hold(mismatch(record.algorithm, claim.algorithm));
  }
  return { record, secrets, held: undefined };
}

/** The usual key has one secret without bounds, and costs no new list. */
function liveSecrets(secrets: readonly KeySecret[], now: number): readonly KeySecret[] {
  for (const secret of secrets) {
    if (!isLive(secret, now)) return secrets.filter((each) => isLive(each, now));
  }
  return secrets;
}

function isLive({ secret, notBefore, notAfter }: KeySecret, now: number): boolean {
  if (typeof secret?.verify !== 'function') throw new TypeError('secret: expected a Secret');
  return (isAbsent(notBefore) || notBefore <= now) && (isAbsent(notAfter) || now < notAfter);
}

/** A store may say null for what it does not have. */
function isAbsent(bound: number | null | undefined): bound is null | undefined {
  return bound === undefined || bound === null;
}

function hold(held: Refusal): FoundKey {
  return { record: undefined, secrets: DUMMY, held };
}

function mismatch(key: Algorithm, claim: Algorithm): Refusal {
  return new Refusal(
    'algorithm_mismatch',
    `The key is for ${key}; the request is signed with ${claim}.`,
  );
}

function unavailable(cause: unknown): Refusal {
  return new Refusal('key_store_unavailable', 'The key store failed.', { cause });
}
