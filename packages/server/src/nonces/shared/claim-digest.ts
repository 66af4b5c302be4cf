import { hash } from 'node:crypto';

// Two pairs that share 128 bits would make one look used, never fresh; with 2^64 of them, that is to be expected.
const CHARACTERS = { base64url: 22, hex: 32 } as const;

/**
 * What stands for a (credential, nonce) pair in a shared store, of a SHA-256 as many characters as make 128 bits. The length
 * in front keeps pairs apart that read alike when joined, and nothing that a stranger wrote reaches the store as it was sent.
 */
export function claimDigest(
  credential: string,
  nonce: string,
  encoding: 'base64url' | 'hex',
): string {
  const text = `${credential.length}:${credential}${nonce}`;
  return hash('sha256', text, encoding).slice(0, CHARACTERS[encoding]);
}
