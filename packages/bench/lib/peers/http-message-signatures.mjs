import { hash } from 'node:crypto';
import { createSigner, createVerifier, httpbis } from 'http-message-signatures';
import { ALTERED, HOUR, oneLess, otherCharacter, withHeader } from '../alterations.mjs';
import { BODY, HOST, offTheWire, parsedHeaders, TYPE, URL_TEXT } from '../request.mjs';

const secret = 'k'.repeat(32);
const key = createSigner(secret, 'hmac-sha256', 'orders-service');
const fields = ['@method', '@target-uri', 'host', 'content-type', 'content-digest'];
const params = ['created', 'keyid', 'alg', 'nonce'];
const known = {
  id: 'orders-service',
  algs: ['hmac-sha256'],
  verify: createVerifier(secret, 'hmac-sha256'),
};
const digestOf = (body) => `sha-256=:${hash('sha256', body, 'base64')}:`;

// The digest of the body is for its users to make and to compare; that a signature must be young, for them to ask for.
const sign = (values) =>
  httpbis.signMessage(
    { key, fields, params, paramValues: { nonce: 'n', ...values } },
    {
      method: 'POST',
      url: URL_TEXT,
      headers: { Host: HOST, 'Content-Type': TYPE, 'Content-Digest': digestOf(BODY) },
    },
  );
const made = ({ method, url, headers }) => ({
  body: BODY,
  request: { method, url: offTheWire(url), headers: parsedHeaders(headers) },
});

export const peer = {
  name: 'http-message-signatures',
  package: 'http-message-signatures',
  covers: ['method', 'target', 'host', 'time', 'type', 'body'],
  note: 'RFC 9421',
  checksNonce: false,
  sign: () => sign(),
  make: async () => made(await sign()),
  makeStale: async () => made(await sign({ created: new Date(Date.now() - HOUR) })),
  verifier:
    () =>
    async ({ request, body }) => {
      if (request.headers['content-digest'] !== digestOf(body)) return false;
      const options = {
        ...{ keyLookup: async () => known, requiredFields: fields },
        ...{ requiredParams: params, maxAge: 300 },
      };
      return httpbis.verifyMessage(options, request).then(
        (answer) => answer === true,
        () => false,
      );
    },
  altered: {
    ...ALTERED,
    time: (item) =>
      withHeader(item, 'signature-input', (text) => oneLess(text, /(?<=created=)\d+/)),
    signature: (item) =>
      withHeader(item, 'signature', (text) => otherCharacter(text, /(?<=sig=:)./)),
  },
};
