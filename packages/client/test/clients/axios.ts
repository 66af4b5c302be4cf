import type { Signer } from '@countersign/client';
import { signedAxios } from '@countersign/client/axios';
import axios, { type AxiosAdapter, type AxiosError, type InternalAxiosRequestConfig } from 'axios';
import type { ClientOptions, ClientUnderTest } from './client-under-test.js';

/** An axios that makes a request anew after a fault of the connection or a 503, as often as that. */
export function retryingAxios(signer: Signer, options: ClientOptions, inner?: 'http' | 'fetch') {
  const { retries = 0, ...others } = options;
  const adapter: AxiosAdapter = signedAxios(signer, others, inner);
  const instance = axios.create({ adapter });
  instance.interceptors.response.use(undefined, (error: AxiosError) => {
    const config: (InternalAxiosRequestConfig & { attempt?: number }) | undefined = error.config;
    const mayHelp = error.response === undefined || error.response.status === 503;
    const { attempt = 0 } = config ?? {};
    if (config === undefined || !mayHelp || attempt >= retries) throw error;
    return instance.request({ ...config, attempt: attempt + 1 } as typeof config);
  });
  return instance;
}

const clientOver = (inner: 'http' | 'fetch'): ClientUnderTest => ({
  name: `axios over ${inner}`,
  throwsRefusals: true,
  retries: true,
  make(signer, options) {
    const instance = retryingAxios(signer, options, inner);
    return async (url, { method = 'GET', headers = {}, body } = {}) => {
      const { status, data } = await instance.request<string>({
        url,
        method,
        headers,
        data: body,
        transformRequest: (given) => given, // axios would write what it does not know as JSON
        responseType: 'text',
        validateStatus: (status) => status < 300,
      });
      return { status, body: data };
    };
  },
});

export const axiosClients: readonly ClientUnderTest[] = [clientOver('http'), clientOver('fetch')];
