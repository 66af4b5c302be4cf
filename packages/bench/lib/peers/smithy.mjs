import { createHash, createHmac } from 'node:crypto';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { BODY, HOST, TYPE } from '../request.mjs';

/** What the SDK for Node gives it: the hashes of node:crypto. */
class NodeHash {
  constructor(secret) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return this.hash.digest();
  }
}

const signer = new SignatureV4({
  credentials: { accessKeyId: 'orders-service', secretAccessKey: 'k'.repeat(32) },
  region: 'us-east-1',
  service: 'execute-api',
  sha256: NodeHash,
});
const requestOf = (body) =>
  new HttpRequest({
    method: 'POST',
    protocol: 'https:',
    hostname: HOST,
    path: '/v1/orders',
    query: { limit: '10', tag: 'a' },
    headers: { host: HOST, 'content-type': TYPE },
    body,
  });

/** It signs only. */
export const peer = {
  name: '@smithy/signature-v4',
  package: '@smithy/signature-v4',
  covers: 'method, target, host, time, type, body',
  checksNonce: false,
  sign: () => signer.sign(requestOf(BODY)),
  signatureOf: ({ headers }) => headers.authorization,
  alteredSign: () => signer.sign(requestOf(`${BODY} `)),
};
