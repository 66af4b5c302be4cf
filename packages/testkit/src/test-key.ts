import type { KeyEntry } from '@countersign/server';

/** The key of the worked example in the protocol, as a signer takes it. Known to everybody: for tests only. */
export const TEST_KEY = Object.freeze({
  credential: 'orders-service',
  secret: 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8',
});

/**
 * The same key, as a key store takes it.
 *
 * @example staticKeys([TEST_KEY_ENTRY])
 */
export const TEST_KEY_ENTRY: KeyEntry = Object.freeze({
  credential: TEST_KEY.credential,
  secrets: Object.freeze([Object.freeze({ secret: TEST_KEY.secret })]),
});
