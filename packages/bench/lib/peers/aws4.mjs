import aws4 from 'aws4';
import { BODY, HOST, TARGET, TYPE } from '../request.mjs';

const credentials = { accessKeyId: 'orders-service', secretAccessKey: 'k'.repeat(32) };

/** It signs only. */
export const peer = {
  name: 'aws4',
  package: 'aws4',
  covers: 'method, target, host, time, type, body',
  checksNonce: false,
  sign: () =>
    aws4.sign(
      {
        service: 'execute-api',
        region: 'us-east-1',
        method: 'POST',
        host: HOST,
        path: TARGET,
        headers: { 'Content-Type': TYPE },
        body: BODY,
      },
      credentials,
    ),
  signatureOf: ({ headers }) => headers.Authorization,
  alteredSign: () =>
    aws4.sign(
      {
        ...{ service: 'execute-api', region: 'us-east-1', method: 'POST', host: HOST },
        ...{ path: TARGET, headers: { 'Content-Type': TYPE }, body: `${BODY} ` },
      },
      credentials,
    ),
};
