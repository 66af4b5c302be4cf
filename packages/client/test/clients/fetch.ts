import { signedFetch } from '@countersign/client';
import type { ClientUnderTest } from './client-under-test.js';

export const fetchClient: ClientUnderTest = {
  name: 'fetch',
  throwsRefusals: false,
  retries: false,
  make(signer, { retries: _, ...options }) {
    const call = signedFetch(signer, options);
    return async (url, init) => {
      const response = await call(url, { ...init });
      return { status: response.status, body: await response.text() };
    };
  },
};
