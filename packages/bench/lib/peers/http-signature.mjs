import { hash } from 'node:crypto';
import httpSignature from 'http-signature';
import { ALTERED, HOUR, otherCharacter, withHeader } from '../alterations.mjs';
import { BODY, HOST, offTheWire, parsedHeaders, TARGET, TYPE } from '../request.mjs';

const secret = 'k'.repeat(32);
const headers = ['(request-target)', 'host', 'date', 'digest', 'content-type'];
const digestOf = (body) => `SHA-256=${hash('sha256', body, 'base64')}`;
const dateOf = (time) => new Date(time).toUTCString();

/** As much of a ClientRequest as it asks for. The digest of the body is for its users to make and to compare. */
class Outgoing {
  method = 'POST';
  path = TARGET;
  fields = { host: HOST, 'content-type': TYPE, digest: digestOf(BODY) };
  getHeader(name) {
    return this.fields[name.toLowerCase()];
  }
  setHeader(name, value) {
    this.fields[name.toLowerCase()] = value;
  }
}

function sign(time = Date.now()) {
  const outgoing = new Outgoing();
  outgoing.setHeader('date', dateOf(time));
  httpSignature.sign(outgoing, {
    ...{ key: secret, keyId: 'orders-service', algorithm: 'hmac-sha256', headers },
  });
  return outgoing.fields;
}

const made = (fields) => ({
  body: BODY,
  request: {
    method: 'POST',
    url: offTheWire(TARGET),
    httpVersion: '1.1',
    headers: parsedHeaders(fields),
  },
});

export const peer = {
  name: 'http-signature',
  package: 'http-signature',
  covers: ['method', 'target', 'host', 'time', 'type', 'body'],
  note: 'Cavage',
  checksNonce: false,
  sign: () => sign(),
  make: () => made(sign()),
  makeStale: () => made(sign(Date.now() - HOUR)),
  verifier:
    () =>
    ({ request, body }) => {
      try {
        const parsed = httpSignature.parseRequest(request, { headers });
        if (!httpSignature.verifyHMAC(parsed, secret)) return false;
        return request.headers.digest === digestOf(body);
      } catch {
        return false;
      }
    },
  altered: {
    ...ALTERED,
    time: (item) => withHeader(item, 'date', (text) => dateOf(Date.parse(text) - 1000)),
    signature: (item) =>
      withHeader(item, 'authorization', (text) => otherCharacter(text, /(?<=signature=")./)),
  },
};
