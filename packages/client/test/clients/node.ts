import { text } from 'node:stream/consumers';
import { signedRequest } from '@countersign/client/node';
import type { ClientUnderTest } from './client-under-test.js';

export const nodeClient: ClientUnderTest = {
  name: 'node',
  throwsRefusals: false,
  retries: true,
  make(signer, options) {
    const call = signedRequest(signer, options);
    return async (url, init) => {
      const response = await call(url, init);
      return { status: response.statusCode as number, body: await text(response) };
    };
  },
};
