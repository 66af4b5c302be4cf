import { generate, HMAC } from 'hmac-auth-express';
import { alteredBody, BODY, offTheWire, TARGET } from '../request.mjs';

const secret = 'k'.repeat(32);
const middleware = HMAC(secret);
const json = JSON.parse(BODY.toString());

function sign() {
  const time = `${Date.now()}`;
  return `HMAC ${time}:${generate(secret, 'sha256', time, 'POST', TARGET, json).digest('hex')}`;
}

export const peer = {
  name: 'hmac-auth-express',
  package: 'hmac-auth-express',
  covers: 'method, target, time, body (MD5 of JSON)',
  checksNonce: false,
  sign,
  make: () => {
    const value = offTheWire(sign());
    return { method: 'POST', originalUrl: offTheWire(TARGET), body: json, get: () => value };
  },
  verifier: () => async (request) => {
    let failure;
    await middleware(request, {}, (error) => {
      failure = error;
    });
    return failure === undefined;
  },
  tamper: (request) => ({ ...request, body: JSON.parse(alteredBody(BODY).toString()) }),
};
