import { bodyBytes, FORM_CONTENT_TYPE, type SignableBody } from './request-body.js';
import type { HeadersInput, Signer } from './signer.js';

/** What is used of a response. The platform's `Response` and undici's have it. */
export interface FetchResponse {
  readonly status: number;
  readonly type: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { cancel(): Promise<void> } | null;
}

/** What a signed fetch hands to the fetch below it, besides what the caller gave. */
export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  redirect: 'manual' | 'error';
}

/** How requests are sent and how far they may go. */
export interface SignedFetchOptions<R extends FetchResponse = Response> {
  /** Origins that may be called, such as `https://api.example.com`; at least one. Nothing is signed for any other. */
  readonly origins: readonly string[];
  /** The fetch to send with: undici's, or the platform's unless said otherwise. */
  readonly fetch?:
    | ((url: string, init: never /* each fetch has its own type for it */) => Promise<R>)
    | undefined;
  /** Redirects that are followed at most; 20 unless said otherwise. */
  readonly maxRedirects?: number | undefined;
}

/** What a caller may say of a request. Other members go to the fetch below as they are. */
export interface SignedFetchInit {
  readonly method?: string | undefined;
  /** None of the signer's own, and no `Host`. */
  readonly headers?: HeadersInput | undefined;
  readonly body?: SignableBody | null | undefined;
  readonly redirect?: 'follow' | 'manual' | 'error' | undefined;
  readonly signal?: AbortSignal | null | undefined;
  readonly [other: string]: unknown;
}

/** Like `fetch`, with every attempt signed. */
export type SignedFetch<R extends FetchResponse = Response> = (
  url: string | URL,
  init?: SignedFetchInit,
) => Promise<R>;

interface Attempt {
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | Uint8Array | undefined;
}

// The methods that fetch writes in upper case (Fetch, "normalize a method"). `patch` is not one of them.
const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const CONTENT_FIELDS = ['content-type', 'content-encoding', 'content-language', 'content-location'];

/**
 * Wraps fetch so that each request, and each redirect it follows, is signed anew.
 *
 * Redirects are followed here, within `origins` only: a signature never travels to a stranger. A refusal by the server comes
 * back as a plain response.
 *
 * @throws TypeError that names the option; the returned function rejects with TypeError for what it cannot sign
 * @example
 * const call = signedFetch(signer, { origins: ['https://api.example.com'] });
 * const response = await call('https://api.example.com/v1/orders', { method: 'POST', body: '{}' });
 */
export function signedFetch<R extends FetchResponse = Response>(
  signer: Signer,
  options: SignedFetchOptions<R>,
): SignedFetch<R> {
  if (typeof signer?.sign !== 'function')
    throw new TypeError('signer: expected a signer, from createSigner');
  const origins = checkOrigins(options?.origins);
  const { maxRedirects = 20 } = options;
  if (!Number.isInteger(maxRedirects) || maxRedirects < 0) {
    throw new RangeError('maxRedirects: expected a whole number of at least 0');
  }
  const send = (options.fetch ?? globalThis.fetch) as unknown as (
    url: string,
    init: FetchInit,
  ) => Promise<R>;
  if (typeof send !== 'function') throw new TypeError('fetch: expected a function');

  return async (input, init = {}) => {
    const { method, headers, body, redirect = 'follow', ...rest } = init;
    let url = allowed(absolute(input), origins);
    let attempt = firstAttempt(method, headers, body);

    for (let followed = 0; ; followed++) {
      const response = await send(url.href, {
        ...rest,
        ...signedInit(signer, url, attempt),
        redirect: redirect === 'error' ? 'error' : 'manual',
      });
      if (redirect !== 'follow') return response;
      if (response.type === 'opaqueredirect') {
        throw new TypeError(
          'redirect: this platform hides redirects from scripts; call the final URL',
        );
      }
      const location = response.headers.get('location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      await response.body?.cancel();
      if (followed === maxRedirects)
        throw new TypeError(`redirect: more than ${maxRedirects} were answered`);
      url = allowed(new URL(location, url), origins);
      attempt = redirected(attempt, response.status);
    }
  };
}

function checkOrigins(origins: unknown): ReadonlySet<string> {
  if (!Array.isArray(origins) || origins.length === 0) {
    throw new TypeError(
      'origins: expected a list with at least one origin, such as ["https://api.example.com"]',
    );
  }
  return new Set(
    origins.map((origin: unknown, i) => {
      const url = typeof origin === 'string' && URL.canParse(origin) ? new URL(origin) : undefined;
      if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
        throw new TypeError(`origins[${i}]: expected an origin such as "https://api.example.com"`);
      }
      return url.origin;
    }),
  );
}

function absolute(input: string | URL): URL {
  if (!(input instanceof URL) && !(typeof input === 'string' && URL.canParse(input))) {
    throw new TypeError('url: expected an absolute http: or https: URL');
  }
  return new URL(input);
}

function allowed(url: URL, origins: ReadonlySet<string>): URL {
  if (!origins.has(url.origin)) {
    throw new TypeError(`origins: ${url.origin} is not among them, so nothing was sent there`);
  }
  return url;
}

function firstAttempt(
  method: string | undefined,
  given: HeadersInput | undefined,
  body: SignableBody | null | undefined,
): Attempt {
  const headers = new Headers(given as ConstructorParameters<typeof Headers>[0]);
  if (headers.has('host'))
    throw new TypeError('headers: host is that of the URL and cannot be replaced');
  const bytes = body === undefined || body === null ? undefined : bodyBytes(body);
  if (!headers.has('content-type')) {
    // What fetch would add by itself, and so leave unsigned.
    if (body instanceof URLSearchParams) headers.set('content-type', FORM_CONTENT_TYPE);
    else if (typeof body === 'string') headers.set('content-type', 'text/plain;charset=UTF-8');
  }
  const name = method ?? 'GET';
  return { method: NORMALIZED.test(name) ? name.toUpperCase() : name, headers, body: bytes };
}

function signedInit(
  signer: Signer,
  url: URL,
  { method, headers, body }: Attempt,
): Omit<FetchInit, 'redirect'> {
  const signature = signer.sign({ method, url, headers, body });
  const all = { ...Object.fromEntries(headers), ...signature };
  return body === undefined ? { method, headers: all } : { method, headers: all, body };
}

/** Fetch, "HTTP-redirect fetch", steps 12–13: when the method becomes GET, the body goes. */
function redirected(attempt: Attempt, status: number): Attempt {
  const { method } = attempt;
  const becomesGet =
    (status === 303 && method !== 'GET' && method !== 'HEAD') ||
    ((status === 301 || status === 302) && method === 'POST');
  if (!becomesGet) return attempt;
  const headers = new Headers(attempt.headers);
  for (const name of CONTENT_FIELDS) headers.delete(name);
  return { method: 'GET', headers, body: undefined };
}
