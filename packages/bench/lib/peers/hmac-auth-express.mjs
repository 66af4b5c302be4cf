import { generate, HMAC } from 'hmac-auth-express';
import { HOUR, oneLess, otherCharacter } from '../alterations.mjs';
import { alteredBody, BODY, offTheWire, TARGET } from '../request.mjs';

const secret = 'k'.repeat(32);
const middleware = HMAC(secret);
const json = JSON.parse(BODY.toString());

function sign(time = `${Date.now()}`) {
  return `HMAC ${time}:${generate(secret, 'sha256', time, 'POST', TARGET, json).digest('hex')}`;
}

/** As much of a request of Express as it asks for, the body parsed. */
const requestWith = (value) => ({
  method: 'POST',
  originalUrl: offTheWire(TARGET),
  body: json,
  get: () => value,
});

export const peer = {
  name: 'hmac-auth-express',
  package: 'hmac-auth-express',
  covers: ['method', 'target', 'time', 'body'],
  note: 'MD5 of JSON',
  checksNonce: false,
  sign: () => sign(),
  make: () => requestWith(offTheWire(sign())),
  makeStale: () => requestWith(sign(`${Date.now() - HOUR}`)),
  verifier: () => async (request) => {
    let failure;
    await middleware(request, {}, (error) => {
      failure = error;
    });
    return failure === undefined;
  },
  altered: {
    method: (request) => ({ ...request, method: 'PUT' }),
    target: (request) => ({ ...request, originalUrl: `${request.originalUrl}0` }),
    time: (request) => requestWith(oneLess(request.get(), /\d{13}/)),
    body: (request) => ({ ...request, body: JSON.parse(alteredBody(BODY).toString()) }),
    signature: (request) => requestWith(otherCharacter(request.get(), /(?<=:)./)),
  },
};
