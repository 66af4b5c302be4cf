import { Refusal, type UnverifiedClaim } from '@countersign/core';
import type { KeySecret } from '../keys/key-store.js';
import type { FoundKey } from './key.js';

/** Stage 5. Tries each secret that is live; a refusal held since stage 3 is given here, after as much work. */
export function checkSignature(
  claim: UnverifiedClaim,
  text: string,
  key: FoundKey,
): KeySecret | Refusal {
  const match = secretOf(claim, text, key);
  if (key.held !== undefined) return key.held.withStringToSign(text);
  if (match === undefined) {
    return new Refusal('signature_mismatch', 'The signature is not the MAC of this request.', {
      stringToSign: text,
    });
  }
  return match;
}

function secretOf(
  { algorithm, signature }: UnverifiedClaim,
  text: string,
  { secrets }: FoundKey,
): KeySecret | undefined {
  for (let i = 0; i < secrets.length; i++) {
    const each = secrets[i] as KeySecret;
    if (each.secret.verify(algorithm, text, signature)) return each;
  }
  return undefined;
}
