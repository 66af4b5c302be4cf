import aws4 from 'aws4';
import { BODY, HOST, TARGET, TYPE } from '../request.mjs';

const credentials = { accessKeyId: 'orders-service', secretAccessKey: 'k'.repeat(32) };
const requestOf = ({
  method = 'POST',
  target = TARGET,
  host = HOST,
  type = TYPE,
  body = BODY,
}) => ({
  ...{ service: 'execute-api', region: 'us-east-1', method, host, path: target, body },
  headers: { 'Content-Type': type },
});

/** It signs only. */
export const peer = {
  name: 'aws4',
  package: 'aws4',
  covers: ['method', 'target', 'host', 'time', 'type', 'body'],
  checksNonce: false,
  sign: () => aws4.sign(requestOf({}), credentials),
  /** @param parts - what is not as usual; `time` is a Date */
  async signatureOf({ time, ...parts }) {
    const request = requestOf(parts);
    request.headers['X-Amz-Date'] = time.toISOString().replace(/[:-]|\.\d{3}/g, '');
    return /Signature=(.*)$/.exec(aws4.sign(request, credentials).headers.Authorization)[1];
  },
};
