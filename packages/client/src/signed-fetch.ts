import { type AnyBody, held, type ReadyBody, readyBody, requestBody } from './body.js';
import { type AnswerOptions, checkAnswerOptions, Exchange } from './exchange.js';
import { allowed, checkOrigins } from './origins.js';
import { becomesGet, fieldsLeft, redirectTarget } from './redirect.js';
import type { HeadersInput, RequestToSign, Signer } from './signer.js';

/** What is used of a response. The platform's `Response` and undici's have it. */
export interface FetchResponse {
  readonly status: number;
  readonly type: string;
  readonly headers: { get(name: string): string | null } & Iterable<readonly [string, string]>;
  readonly body: { cancel(): Promise<void> } | null;
  clone(): FetchResponse;
}

/** What a signed fetch hands to the fetch below it, besides what the caller gave. */
export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | ReadableStream<Uint8Array>;
  duplex?: 'half';
  redirect: 'manual' | 'error';
}

/** How requests are sent and how far they may go. */
export interface SignedFetchOptions<R extends FetchResponse = Response> extends AnswerOptions {
  /** Origins that may be called, such as `https://api.example.com`; at least one. Nothing is signed for any other. */
  readonly origins: readonly string[];
  /** The fetch to send with: undici's, or the platform's unless said otherwise. */
  readonly fetch?:
    | ((url: string, init: never /* each fetch has its own type for it */) => Promise<R>)
    | undefined;
  /** Redirects that are followed at most; 20 unless said otherwise. */
  readonly maxRedirects?: number | undefined;
  /** Most bytes that are held of a body that is a Blob, a form or a stream; 16 MiB unless said otherwise. */
  readonly maxBodyBytes?: number | undefined;
}

/** What a caller may say of a request. Other members go to the fetch below as they are. */
export interface SignedFetchInit {
  readonly method?: string | undefined;
  /** None of the signer's own, and no `Host`. */
  readonly headers?: HeadersInput | undefined;
  readonly body?: AnyBody | null | undefined;
  readonly redirect?: 'follow' | 'manual' | 'error' | undefined;
  readonly signal?: AbortSignal | null | undefined;
  readonly [other: string]: unknown;
}

/** Like `fetch`, with every attempt signed. */
export type SignedFetch<R extends FetchResponse = Response> = (
  input: string | URL | Request,
  init?: SignedFetchInit,
) => Promise<R>;

interface Attempt {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: ReadyBody;
}

// The methods that fetch writes in upper case (Fetch, "normalize a method"). `patch` is not one of them.
const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;
const signedTexts = new WeakMap<object, string>();
const NO_BODY: ReadyBody = { bytes: undefined, digested: undefined, type: undefined };

/**
 * Wraps fetch so that each request, and each redirect it follows, is signed anew.
 *
 * Redirects are followed here, within `origins` only: a signature never travels to a stranger. A refusal by the server comes
 * back as a plain response.
 *
 * @throws TypeError or RangeError that names the option; the returned function rejects with TypeError for what it cannot sign,
 *   and with ResponseFaultError for a response that had to be signed and is not
 * @example
 * const call = signedFetch(signer, { origins: ['https://api.example.com'] });
 * const response = await call('https://api.example.com/v1/orders', { method: 'POST', body: '{}' });
 */
export function signedFetch<R extends FetchResponse = Response>(
  signer: Signer,
  options: SignedFetchOptions<R>,
): SignedFetch<R> {
  if (typeof signer?.attempt !== 'function')
    throw new TypeError('signer: expected a signer, from createSigner');
  const origins = checkOrigins(options?.origins);
  const { maxRedirects = 20, maxBodyBytes } = options;
  if (!Number.isInteger(maxRedirects) || maxRedirects < 0) {
    throw new RangeError('maxRedirects: expected a whole number of at least 0');
  }
  if (maxBodyBytes !== undefined && !(Number.isSafeInteger(maxBodyBytes) && maxBodyBytes >= 0)) {
    throw new RangeError('maxBodyBytes: expected a whole number of bytes');
  }
  const rules = checkAnswerOptions(options);
  const send = (options.fetch ?? globalThis.fetch) as unknown as (
    url: string,
    init: FetchInit,
  ) => Promise<R>;
  if (typeof send !== 'function') throw new TypeError('fetch: expected a function');

  return async (input, init = {}) => {
    const { method, headers, redirect = 'follow', body: own, ...rest } = membersOf(input, init);
    const url = allowed(absolute(input), origins);
    await signer.ready();
    const body =
      own ?? (input instanceof Request ? await requestBody(input, maxBodyBytes) : undefined);
    const ready = await readyBody(body, maxBodyBytes);
    let attempt = firstAttempt(url, method, headers, body, ready);
    if (rules.requireSigned && !attempt.headers.has('accept-encoding')) {
      attempt.headers.set('accept-encoding', 'identity'); // what is signed are the bytes on the wire
    }
    const exchange = new Exchange(signer, rules);

    for (let followed = 0; ; ) {
      const response = await send(attempt.url.href, {
        ...rest,
        // The answer that a browser has stored is the signed answer to another request.
        ...(rules.requireSigned && (rest.cache ?? 'default') === 'default'
          ? { cache: 'no-store' }
          : {}),
        ...signedInit(exchange, attempt),
        redirect: redirect === 'error' ? 'error' : 'manual',
      });
      // Before it is looked at: nothing of it shows, a signature least of all.
      if (redirect === 'follow' && response.type === 'opaqueredirect') {
        throw new TypeError(
          'redirect: this platform hides redirects from scripts; call the final URL',
        );
      }
      if (await isToRepeat(exchange, response)) {
        await response.body?.cancel();
        continue;
      }
      signedTexts.set(response, exchange.stringToSign);
      if (redirect !== 'follow') return response;
      const { status } = response;
      const next = redirectTarget(status, response.headers.get('location'), attempt.url);
      if (next === undefined) return response;
      await response.body?.cancel();
      if (followed++ === maxRedirects)
        throw new TypeError(`redirect: more than ${maxRedirects} were answered`);
      attempt = redirected(attempt, allowed(next, origins), status);
    }
  };
}

/** The text that was signed to get this response. */
export function signedTextOf(response: object): string {
  return signedTexts.get(response) ?? '';
}

/** What fetch would take from a Request and an init that overrides it, where `undefined` is as good as absent. */
function membersOf(input: string | URL | Request, init: SignedFetchInit): SignedFetchInit {
  if (!(input instanceof Request)) return init;
  const { method, headers, redirect, signal, credentials, cache, mode, keepalive } = input;
  const given = Object.entries(init).filter(([, value]) => value !== undefined);
  const members = { method, headers, redirect, signal, credentials, cache, mode, keepalive };
  return { ...members, ...Object.fromEntries(given) };
}

function absolute(input: string | URL | Request): URL {
  const url = input instanceof Request ? input.url : input;
  if (!(url instanceof URL) && !(typeof url === 'string' && URL.canParse(url))) {
    throw new TypeError('url: expected an absolute http: or https: URL');
  }
  return new URL(url);
}

function firstAttempt(
  url: URL,
  method: string | undefined,
  given: HeadersInput | undefined,
  body: AnyBody | null | undefined,
  ready: ReadyBody,
): Attempt {
  const headers = new Headers(given as ConstructorParameters<typeof Headers>[0]);
  if (headers.has('host'))
    throw new TypeError('headers: host is that of the URL and cannot be replaced');
  // What fetch would add by itself, and so leave unsigned.
  const type = typeof body === 'string' ? 'text/plain;charset=UTF-8' : ready.type;
  if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type);
  const name = method ?? 'GET';
  const normal = NORMALIZED.test(name) ? name.toUpperCase() : name;
  return { url, method: normal, headers, body: ready };
}

function signedInit(
  exchange: Exchange,
  { url, method, headers, body: { bytes, digested } }: Attempt,
): Omit<FetchInit, 'redirect'> {
  const request: RequestToSign = { method, url, headers, body: bytes, digest: digested?.digest };
  const all = { ...Object.fromEntries(headers), ...exchange.sign(request) };
  if (digested !== undefined) {
    return { method, headers: all, body: streamOf(digested.open()), duplex: 'half' };
  }
  return bytes === undefined ? { method, headers: all } : { method, headers: all, body: bytes };
}

function streamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/** Looks at the response where the exchange wants to, and leaves it whole for the caller. */
async function isToRepeat(exchange: Exchange, response: FetchResponse): Promise<boolean> {
  const { status, headers } = response;
  const most = exchange.wants({ status, get: (name) => headers.get(name) });
  if (most === undefined) return false;
  const body = await readUpTo(most, response.clone());
  try {
    return await exchange.judge({ status, headers: [...headers].flat() }, body);
  } catch (error) {
    response.body?.cancel().catch(() => {});
    throw error;
  }
}

async function readUpTo(most: number, { body }: FetchResponse): Promise<Uint8Array | undefined> {
  if (body === null) return new Uint8Array(0);
  try {
    return await held(body as ReadableStream<Uint8Array>, most);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function redirected(attempt: Attempt, url: URL, status: number): Attempt {
  const headers = new Headers(attempt.headers);
  const isGet = becomesGet(status, attempt.method);
  for (const name of fieldsLeft(attempt.url, url, isGet)) headers.delete(name);
  return { ...attempt, url, headers, ...(isGet ? { method: 'GET', body: NO_BODY } : {}) };
}
