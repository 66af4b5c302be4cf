import { stringify } from 'node:querystring';
import { type Dispatcher, interceptors, type RetryHandler } from 'undici';
import { type AnswerOptions, type AnswerRules, checkAnswerOptions, Exchange } from '../exchange.js';
import { Fields } from '../node/fields.js';
import { checkOrigins } from '../origins.js';
import type { Signer } from '../signer.js';
import { originOf, type Plan, signing } from '../undici/attempt.js';
import { Call } from '../undici/call.js';
import { readyUndiciBody } from '../undici/request-body.js';

/** How far requests may go, and what is done about answers. */
export interface SignedDispatcherOptions extends AnswerOptions {
  /** Origins that may be called, such as `https://api.example.com`; at least one. Nothing is signed for any other. */
  readonly origins: readonly string[];
  /** Options of undici's `interceptors.retry`; `false`, which is the default, for no retries. */
  readonly retry?: RetryHandler.RetryOptions | false | undefined;
  /** Follows so many redirects, as undici's `interceptors.redirect` does; `false`, which is the default, for none. */
  readonly redirect?: { readonly maxRedirections: number } | false | undefined;
  /** Most bytes that are held of a body that is a Blob, a form or a stream; 16 MiB unless said otherwise. */
  readonly maxBodyBytes?: number | undefined;
}

interface Settings {
  readonly signer: Signer;
  readonly origins: ReadonlySet<string>;
  readonly maxBodyBytes: number | undefined;
  readonly rules: AnswerRules;
  /** From the innermost to the outermost. */
  readonly layers: readonly Dispatcher.DispatcherComposeInterceptor[];
}

/**
 * Wraps a dispatcher of undici 7 or 8 so that each request is signed, and each retry and redirect is signed anew.
 *
 * For `undici.request`, `stream`, `pipeline` and `fetch`, and for the `dispatcher` of the platform's fetch. Bodies are read
 * before anything is sent, up to `maxBodyBytes`; give a `DigestedBody` to stream one. A refusal by the server is a plain response.
 * Closing it closes the dispatcher it was made of.
 *
 * @throws TypeError or RangeError that names the option; requests fail with TypeError for what cannot be signed, RangeError for a
 *   body that is too long, and ResponseFaultError for a response that had to be signed and is not
 * @example
 * const dispatcher = signedDispatcher(new Agent(), signer, { origins: ['https://api.example.com'], retry: { maxRetries: 2 } });
 * const { statusCode, body } = await request('https://api.example.com/v1/orders', { dispatcher, method: 'POST', body: '{}' });
 */
export function signedDispatcher(
  dispatcher: Dispatcher,
  signer: Signer,
  options: SignedDispatcherOptions,
): Dispatcher {
  if (typeof dispatcher?.dispatch !== 'function') {
    throw new TypeError('dispatcher: expected a dispatcher of undici, such as new Agent()');
  }
  if (typeof signer?.attempt !== 'function') {
    throw new TypeError('signer: expected a signer, from createSigner');
  }
  const origins = checkOrigins(options?.origins);
  const { maxBodyBytes } = options;
  if (maxBodyBytes !== undefined && !(Number.isSafeInteger(maxBodyBytes) && maxBodyBytes >= 0)) {
    throw new RangeError('maxBodyBytes: expected a whole number of bytes');
  }
  const rules = checkAnswerOptions(options);
  const settings = { signer, origins, maxBodyBytes, rules, layers: layersOf(options) };
  const send: Dispatcher.Dispatch = (request, handler) => dispatcher.dispatch(request, handler);
  const dispatch: Dispatcher.Dispatch = (request, handler) => {
    const call = new Call(handler);
    if (!call.over) {
      start(settings, send, request, call).catch((error: unknown) => call.fail(error));
    }
    return true;
  };
  return new Proxy(dispatcher, {
    get(target, key) {
      if (key === 'dispatch') return dispatch;
      const value: unknown = Reflect.get(target, key, target);
      return key === 'close' || key === 'destroy' ? (value as () => unknown).bind(target) : value;
    },
  });
}

function layersOf({
  retry = false,
  redirect = false,
}: SignedDispatcherOptions): Dispatcher.DispatcherComposeInterceptor[] {
  const layers: Dispatcher.DispatcherComposeInterceptor[] = [];
  if (retry !== false) {
    if (typeof retry !== 'object' || retry === null) {
      throw new TypeError('retry: expected options of interceptors.retry, or false');
    }
    layers.push(interceptors.retry(retry), withHeadersObject);
  }
  if (redirect !== false) {
    const most = redirect?.maxRedirections;
    if (!Number.isSafeInteger(most) || most < 0) {
      throw new RangeError('redirect: expected { maxRedirections } of at least 0, or false');
    }
    layers.push(interceptors.redirect({ maxRedirections: most }));
  }
  return layers;
}

// undici 7 asks for the rest of a response that was cut short by adding to an object; after a redirect it is a list.
function withHeadersObject(dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch {
  return (request, handler) =>
    dispatch({ ...request, headers: new Fields(request.headers).object() }, handler);
}

async function start(
  { signer, origins, maxBodyBytes, rules, layers }: Settings,
  send: Dispatcher.Dispatch,
  request: Dispatcher.DispatchOptions,
  call: Call,
): Promise<void> {
  const { requireSigned } = rules;
  const { method, upgrade, query, ...rest } = request;
  originOf(request, origins);
  if (method === 'CONNECT') throw new TypeError('method: CONNECT cannot be signed');
  if (requireSigned && upgrade) {
    throw new TypeError('upgrade: it has no response that could be signed (requireSignedResponse)');
  }
  const headers = new Fields(request.headers);
  const path = withQuery(request.path, query);
  await signer.ready();
  const body = await readyUndiciBody(request.body, maxBodyBytes);
  if (call.over) return;
  if (body.type !== undefined && !headers.has('content-type')) {
    headers.set('content-type', body.type);
  }
  if (requireSigned && !headers.has('accept-encoding')) {
    headers.set('accept-encoding', 'identity'); // what is signed are the bytes on the wire
  }
  const exchange = new Exchange(signer, rules);
  const plan: Plan = { dispatch: send, call, exchange, origins, requireSigned, method };
  const dispatch = layers.reduce((inner, layer) => layer(inner), signing(plan));
  // A body that is ready is none that undici knows, so no layer reads it.
  const ready = body as unknown as NonNullable<Dispatcher.DispatchOptions['body']>;
  const upgrading = upgrade === undefined ? {} : { upgrade };
  dispatch({ ...rest, method, ...upgrading, path, headers: headers.object(), body: ready }, call);
}

/** The path with the query that undici would append. */
function withQuery(path: unknown, query: Dispatcher.DispatchOptions['query']): string {
  if (typeof path !== 'string') throw new TypeError('path: expected a string');
  const more = query === undefined || query === null ? '' : stringify(query);
  if (more === '') return path;
  if (/[?#]/.test(path)) throw new TypeError('query: the path has one already');
  return `${path}?${more}`;
}
