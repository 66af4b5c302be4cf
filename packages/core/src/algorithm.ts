/** `HMAC-256` is HMAC-SHA-256, `HMAC-512` is HMAC-SHA-512 (RFC 2104, FIPS 180-4). There are no others. */
export type Algorithm = 'HMAC-256' | 'HMAC-512';

/** Every algorithm, the default first. */
export const ALGORITHMS: readonly Algorithm[] = ['HMAC-256', 'HMAC-512'];

/** True for exactly the two names of {@link ALGORITHMS}. */
export function isAlgorithm(value: unknown): value is Algorithm {
  return value === 'HMAC-256' || value === 'HMAC-512';
}
