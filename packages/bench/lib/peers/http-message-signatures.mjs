import { hash } from 'node:crypto';
import { createSigner, createVerifier, httpbis } from 'http-message-signatures';
import { alteredBody, BODY, HOST, parsedHeaders, TYPE, URL_TEXT } from '../request.mjs';

const secret = 'k'.repeat(32);
const key = createSigner(secret, 'hmac-sha256', 'orders-service');
const fields = ['@method', '@target-uri', 'host', 'content-type', 'content-digest'];
const known = {
  id: 'orders-service',
  algs: ['hmac-sha256'],
  verify: createVerifier(secret, 'hmac-sha256'),
};
const digestOf = (body) => `sha-256=:${hash('sha256', body, 'base64')}:`;

// The digest of the body is for its users to make and to compare.
const sign = () =>
  httpbis.signMessage(
    { key, fields, params: ['created', 'keyid', 'alg', 'nonce'], paramValues: { nonce: 'n' } },
    {
      method: 'POST',
      url: URL_TEXT,
      headers: { Host: HOST, 'Content-Type': TYPE, 'Content-Digest': digestOf(BODY) },
    },
  );

export const peer = {
  name: 'http-message-signatures',
  package: 'http-message-signatures',
  covers: 'method, target, host, time, type, body (RFC 9421)',
  checksNonce: false,
  sign,
  make: async () => {
    const { method, url, headers } = await sign();
    return { body: BODY, request: { method, url, headers: parsedHeaders(headers) } };
  },
  verifier:
    () =>
    async ({ request, body }) => {
      if (request.headers['content-digest'] !== digestOf(body)) return false;
      const options = { keyLookup: async () => known, requiredFields: fields };
      return httpbis.verifyMessage(options, request).then(
        (answer) => answer === true,
        () => false,
      );
    },
  tamper: (item) => ({ ...item, body: alteredBody(item.body) }),
};
