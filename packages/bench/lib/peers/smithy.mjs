import { createHash, createHmac } from 'node:crypto';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { BODY, HOST, TARGET, TYPE } from '../request.mjs';

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
// The SDK has the target in parts.
const [PATH, QUERY] = TARGET.split('?');
const QUERY_PARTS = Object.fromEntries(new URLSearchParams(QUERY));
const requestOf = ({ method = 'POST', path = PATH, host = HOST, type = TYPE, body = BODY }) =>
  new HttpRequest({
    ...{ method, protocol: 'https:', hostname: host, path, query: QUERY_PARTS, body },
    headers: { host, 'content-type': type },
  });

/** It signs only. */
export const peer = {
  name: '@smithy/signature-v4',
  package: '@smithy/signature-v4',
  covers: ['method', 'target', 'host', 'time', 'type', 'body'],
  checksNonce: false,
  sign: () => signer.sign(requestOf({})),
  /** @param parts - what is not as usual; `time` is a Date */
  async signatureOf({ time, target, ...parts }) {
    const request = requestOf({ ...parts, ...(target && { path: target }) });
    const { headers } = await signer.sign(request, { signingDate: time });
    return /Signature=(.*)$/.exec(headers.authorization)[1];
  },
};
