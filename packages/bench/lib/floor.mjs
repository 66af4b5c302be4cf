// What no implementation can avoid: one SHA-256 of the body and one HMAC over the string to sign.
import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import { BODY, CREDENTIAL, HOST, SECRET_BYTES, TARGET, TYPE } from './request.mjs';

const key = createSecretKey(SECRET_BYTES);

const digestOf = (body) => `sha-256=:${hash('sha256', body, 'base64')}:`;
const textOf = (digest) =>
  `HMAC-256\n${CREDENTIAL}\nPOST\n${TARGET}\ncontent-digest: ${digest}\ncontent-type: ${TYPE}\ndate: Wed, 01 Jan 2020 12:00:30 GMT\nhost: ${HOST}\nx-nonce: 4fA9sGdR2l3n0QwErTy8uA\n`;

/** The floor of signing. */
export function floorOfSign(body = BODY) {
  return createHmac('sha256', key)
    .update(textOf(digestOf(body)))
    .digest('base64');
}

const expected = new Map();

/** The floor of verifying. */
export function floorOfVerify(body = BODY) {
  let mac = expected.get(body);
  if (mac === undefined) {
    mac = Buffer.from(floorOfSign(body), 'base64');
    expected.set(body, mac);
  }
  const actual = createHmac('sha256', key)
    .update(textOf(digestOf(body)))
    .digest();
  if (!timingSafeEqual(actual, mac)) throw new Error('the floor differs from itself');
}
