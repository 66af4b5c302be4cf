// What no implementation can avoid: one SHA-256 of the body and one HMAC over the string to sign.
import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import { BODY, CREDENTIAL, HOST, SECRET_BYTES, TARGET, TYPE } from './request.mjs';

const key = createSecretKey(SECRET_BYTES);
const REST = `date: Wed, 01 Jan 2020 12:00:30 GMT\nhost: ${HOST}\nx-nonce: 4fA9sGdR2l3n0QwErTy8uA\n`;

const digestOf = (body) => `sha-256=:${hash('sha256', body, 'base64')}:`;
const textOf = (digest) =>
  `HMAC-256\n${CREDENTIAL}\nPOST\n${TARGET}\ncontent-digest: ${digest}\ncontent-type: ${TYPE}\n${REST}`;
const WITHOUT_BODY = `HMAC-256\n${CREDENTIAL}\nGET\n${TARGET}\n${REST}`;

const hmacOf = (body) =>
  createHmac('sha256', key).update(body === null ? WITHOUT_BODY : textOf(digestOf(body)));

/**
 * The floor of signing.
 *
 * @param body - `null` for a request without one
 */
export function floorOfSign(body = BODY) {
  return hmacOf(body).digest('base64');
}

const expected = new Map();

/** The floor of verifying. */
export function floorOfVerify(body = BODY) {
  let mac = expected.get(body);
  if (mac === undefined) {
    mac = hmacOf(body).digest();
    expected.set(body, mac);
  }
  if (!timingSafeEqual(hmacOf(body).digest(), mac))
    throw new Error('the floor differs from itself');
}
