import { signedDispatcher } from '@countersign/client/undici';
import { Agent, type Dispatcher, request } from 'undici';
import type { ClientUnderTest } from './client-under-test.js';

export const undiciClient: ClientUnderTest = {
  name: 'undici',
  throwsRefusals: false,
  retries: true,
  make(signer, { retries = 0, ...options }) {
    const dispatcher = signedDispatcher(new Agent(), signer, {
      ...options,
      redirect: { maxRedirections: 20 },
      retry: retries === 0 ? false : { maxRetries: retries, minTimeout: 10 },
    });
    return async (url, { method = 'GET', headers = {}, body = null } = {}) => {
      const answer = await request(url, {
        dispatcher,
        method,
        headers,
        body: body as NonNullable<Dispatcher.DispatchOptions['body']>, // undici's types know fewer kinds
      });
      return { status: answer.statusCode, body: await answer.body.text() };
    };
  },
};
