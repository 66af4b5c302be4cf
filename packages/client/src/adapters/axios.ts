import {
  type AxiosAdapter,
  AxiosError,
  type AxiosResponse,
  getAdapter,
  type InternalAxiosRequestConfig,
} from 'axios';
import { checkResponseType, discard, isToRepeat, locationOf, settled } from '../axios/answer.js';
import {
  type ClientOptions,
  type ClientRules,
  checkClientOptions,
} from '../axios/client-options.js';
import { type Attempt, configToSend, firstAttempt, redirected } from '../axios/request.js';
import { Exchange } from '../exchange.js';
import { redirectTarget } from '../redirect.js';
import type { Signer } from '../signer.js';

export type { AxiosRefusedError } from '../axios/answer.js';

/** How requests are sent and how far they may go. */
export interface SignedAxiosOptions extends ClientOptions {
  /** Redirects that are followed at most, where a request says none; 20 unless said otherwise. None at all for 0. */
  readonly maxRedirects?: number | undefined;
}

/**
 * Makes an adapter for axios that signs every attempt: it is below all interceptors, so whatever retries a request calls it
 * again. Redirects are followed here, within `origins` only.
 *
 * Where `validateStatus` does not want the status of a refusal, it rejects with a RefusedError whose `cause` is the AxiosError.
 *
 * @param inner - the adapter to send with: axios's `http` where there is Node, otherwise its `fetch`. Not `xhr`, which follows
 *   redirects by itself, with the signature of the first request.
 * @throws TypeError or RangeError that names the option; requests reject with TypeError for what cannot be signed, and with
 *   ResponseFaultError for a response that had to be signed and is not
 * @example
 * const api = axios.create({ adapter: signedAxios(signer, { origins: ['https://api.example.com'] }) });
 * const { data } = await api.post('https://api.example.com/v1/orders', { sku: 'A-1', qty: 2 });
 */
export function signedAxios(
  signer: Signer,
  options: SignedAxiosOptions,
  inner: 'http' | 'fetch' | AxiosAdapter | undefined = undefined,
): AxiosAdapter {
  const rules = checkClientOptions(signer, options);
  const { maxRedirects = 20 } = options;
  if (!Number.isInteger(maxRedirects) || maxRedirects < 0) {
    throw new RangeError('maxRedirects: expected a whole number of at least 0');
  }
  if (nameOf(inner) === 'xhr' || !['undefined', 'string', 'function'].includes(typeof inner)) {
    throw new TypeError('inner: expected "http", "fetch" or an adapter that follows no redirects');
  }

  return async (config) => {
    if (rules.requireSigned) checkResponseType(config);
    const send =
      typeof inner === 'function' ? inner : getAdapter(inner ?? ['http', 'fetch'], config);
    const most = config.maxRedirects ?? maxRedirects;
    let attempt = await firstAttempt(config, rules);
    await signer.ready();
    const exchange = new Exchange(signer, rules);
    for (let followed = 0; ; ) {
      const response = await answerTo(attempt, config, exchange, send, rules);
      if (await isToRepeat(exchange, response, config, rules.requireSigned)) {
        discard(response);
        continue;
      }
      const target = redirectTarget(response.status, locationOf(response), attempt.url);
      if (target === undefined || most === 0)
        return settled(response, config, exchange.stringToSign);
      discard(response);
      if (followed++ === most) {
        const { ERR_FR_TOO_MANY_REDIRECTS: code } = AxiosError;
        const message = `Maximum number of redirects exceeded: ${most}`;
        throw new AxiosError(message, code, config, response.request, response);
      }
      attempt = redirected(attempt, response.status, target, rules);
    }
  };
}

async function answerTo(
  attempt: Attempt,
  config: InternalAxiosRequestConfig,
  exchange: Exchange,
  send: AxiosAdapter,
  { requireSigned }: ClientRules,
): Promise<AxiosResponse> {
  const sendsWebStreams = nameOf(send) === 'fetch';
  const signed = configToSend(config, exchange, attempt, { requireSigned, sendsWebStreams });
  try {
    const response = await send(signed);
    response.config = config;
    if (response.status === 0) {
      throw new TypeError(
        'redirect: this platform hides redirects from scripts; call the final URL',
      );
    }
    return response;
  } catch (error) {
    // Who makes the request anew makes it of what the application said, and not of what was signed.
    if (error instanceof Error && 'config' in error) error.config = config;
    throw error;
  }
}

function nameOf(adapter: unknown): unknown {
  return typeof adapter === 'function'
    ? (adapter as { adapterName?: unknown }).adapterName
    : adapter;
}
