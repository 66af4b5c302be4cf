import type { Agent, OutgoingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AnyBody, type ReadyBody, readyBody } from '../body.js';
import { type AnswerOptions, type AnswerRules, checkAnswerOptions, Exchange } from '../exchange.js';
import { allowed, checkOrigins } from '../origins.js';
import { becomesGet, fieldsLeft, redirectTarget } from '../redirect.js';
import type { HeadersInput, Signer } from '../signer.js';
import { Fields } from './fields.js';
import { judged, type SignedResponse } from './held-answer.js';
import { backoff, isSafeToRepeat, retryAfter } from './retry.js';
import { type Answered, ConnectionFault, discard, type OutgoingRequest, send } from './send.js';

/** How requests are sent and how far they may go. */
export interface SignedRequestOptions extends AnswerOptions {
  /** Origins that may be called, such as `https://api.example.com`; at least one. Nothing is signed for any other. */
  readonly origins: readonly string[];
  /** Redirects that are followed at most; 20 unless said otherwise. */
  readonly maxRedirects?: number | undefined;
  /** Most bytes that are held of a body that is a Blob, a form or a stream; 16 MiB unless said otherwise. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * How often a request is tried again after a fault of the connection, or a 503 that says when to; 0 unless said otherwise. A POST
   * or PATCH is not tried again after a connection broke: it may have been applied.
   */
  readonly retries?: number | undefined;
}

/** What a caller may say of a request. */
export interface SignedRequestInit {
  /** `GET` unless said otherwise; sent in upper case. */
  readonly method?: string | undefined;
  /** None of the signer's own, and no `Host`. */
  readonly headers?: HeadersInput | OutgoingHttpHeaders | undefined;
  readonly body?: AnyBody | null | undefined;
  /** Ends the request, its waits and its answer. */
  readonly signal?: AbortSignal | undefined;
  /** Of `node:http` or `node:https`; the global one unless said otherwise. */
  readonly agent?: Agent | undefined;
}

/** Sends a signed request. */
export type SignedRequest = (
  url: string | URL,
  init?: SignedRequestInit,
) => Promise<SignedResponse>;

interface Settings {
  readonly signer: Signer;
  readonly origins: ReadonlySet<string>;
  readonly maxRedirects: number;
  readonly maxBodyBytes: number | undefined;
  readonly retries: number;
  readonly rules: AnswerRules;
}

interface Attempt {
  readonly url: URL;
  readonly method: string;
  readonly fields: Fields;
  readonly body: ReadyBody;
  readonly agent: Agent | undefined;
  readonly signal: AbortSignal | undefined;
}

const NO_BODY: ReadyBody = { bytes: undefined, digested: undefined, type: undefined };

/**
 * Makes a function that sends requests by `node:http` and `node:https`, with every attempt signed anew: retries, and redirects within
 * `origins`. A refusal by the server comes back as a plain response.
 *
 * @throws TypeError or RangeError that names the option; the returned function rejects with TypeError for what it cannot sign,
 *   RangeError for a body that is too long, ResponseFaultError for a response that had to be signed and is not, the error of Node
 *   for a connection that failed, and the reason of the signal
 * @example
 * const call = signedRequest(signer, { origins: ['https://api.example.com'], retries: 2 });
 * const response = await call('https://api.example.com/v1/orders', { method: 'PUT', body: '{}' });
 * for await (const chunk of response) process.stdout.write(chunk);
 */
export function signedRequest(signer: Signer, options: SignedRequestOptions): SignedRequest {
  if (typeof signer?.attempt !== 'function') {
    throw new TypeError('signer: expected a signer, from createSigner');
  }
  const origins = checkOrigins(options?.origins);
  const { maxRedirects = 20, maxBodyBytes, retries = 0 } = options;
  for (const [name, value] of Object.entries({ maxRedirects, retries })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${name}: expected a whole number of at least 0`);
    }
  }
  if (maxBodyBytes !== undefined && !(Number.isSafeInteger(maxBodyBytes) && maxBodyBytes >= 0)) {
    throw new RangeError('maxBodyBytes: expected a whole number of bytes');
  }
  const rules = checkAnswerOptions(options);
  const settings = { signer, origins, maxRedirects, maxBodyBytes, retries, rules };
  return async (url, init = {}) => {
    const { signal } = init;
    try {
      return await exchanged(settings, await prepared(settings, url, init));
    } catch (error) {
      signal?.throwIfAborted(); // its reason says more than what came of it
      throw error instanceof ConnectionFault ? error.cause : error;
    }
  };
}

/** Everything that can be refused before anything is sent. */
async function prepared(
  { signer, origins, maxBodyBytes, rules }: Settings,
  to: string | URL,
  { method = 'GET', headers, body: given, signal, agent }: SignedRequestInit,
): Promise<Attempt> {
  if (!(to instanceof URL) && !(typeof to === 'string' && URL.canParse(to))) {
    throw new TypeError('url: expected an absolute http: or https: URL');
  }
  const url = allowed(new URL(to), origins);
  if (typeof method !== 'string') throw new TypeError('method: expected a method such as "POST"');
  if (method.toUpperCase() === 'CONNECT') throw new TypeError('method: CONNECT cannot be signed');
  const fields = new Fields(headers);
  if (fields.has('host')) {
    throw new TypeError('headers: host is that of the URL and cannot be replaced');
  }
  signal?.throwIfAborted();
  await unlessAborted(signer.ready(), signal);
  const body = await unlessAborted(readyBody(given, maxBodyBytes), signal);
  if (body.type !== undefined && !fields.has('content-type')) fields.set('content-type', body.type);
  if (rules.requireSigned && !fields.has('accept-encoding')) {
    fields.set('accept-encoding', 'identity'); // what is signed are the bytes on the wire
  }
  frame(fields, method.toUpperCase(), body);
  return { url, method: method.toUpperCase(), fields, body, agent, signal };
}

/** Node would leave a body of GET or DELETE without a length, so that its bytes were taken for another request. */
function frame(fields: Fields, method: string, { bytes, digested }: ReadyBody): void {
  if (fields.has('transfer-encoding')) {
    throw new TypeError('headers: transfer-encoding is set by the client');
  }
  const expectsBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  const known = bytes === undefined ? digested?.length : Buffer.byteLength(bytes);
  const length = known ?? (digested === undefined && expectsBody ? 0 : undefined);
  const said = fields.get('content-length');
  if (said !== undefined && said !== String(length ?? 0)) {
    throw new TypeError('headers: content-length is not that of the body');
  }
  if (length !== undefined) fields.set('content-length', String(length));
  else if (digested !== undefined) fields.set('transfer-encoding', 'chunked');
}

/** Sends until there is an answer to hand out. */
async function exchanged(settings: Settings, first: Attempt): Promise<SignedResponse> {
  const { signer, rules, retries } = settings;
  const exchange = new Exchange(signer, rules);
  let attempt = first;
  for (let followed = 0, retried = 0; ; ) {
    const step = await oneStep(exchange, attempt, retried, retried < retries);
    if (step === 'again') continue;
    if (typeof step === 'number') {
      retried++;
      await sleep(step, undefined, { signal: attempt.signal });
      continue;
    }
    const { answer, answered } = step;
    try {
      const next = redirectOf(settings, attempt, answer, followed++);
      if (next === undefined) return answer;
      attempt = next;
      discard(answered);
    } catch (error) {
      discard(answered);
      throw error;
    }
  }
}

/** The answer; or the milliseconds to wait before another attempt. */
async function oneStep(
  exchange: Exchange,
  attempt: Attempt,
  retried: number,
  mayRetry: boolean,
): Promise<{ answer: SignedResponse; answered: Answered } | number | 'again'> {
  try {
    const answered = await send(signedBy(exchange, attempt));
    const wait = mayRetry ? retryAfter(answered.message) : undefined;
    if (wait !== undefined) {
      discard(answered);
      return Math.max(wait, backoff(retried));
    }
    const answer = await judged(exchange, answered);
    return answer === undefined ? 'again' : { answer, answered };
  } catch (error) {
    const isToRetry =
      mayRetry && error instanceof ConnectionFault && isSafeToRepeat(attempt.method, error);
    if (isToRetry && attempt.signal?.aborted !== true) return backoff(retried);
    throw error;
  }
}

/** The request that follows the answer; `undefined` if it is no redirect. */
function redirectOf(
  { origins, maxRedirects }: Settings,
  attempt: Attempt,
  { statusCode, headers }: SignedResponse,
  followed: number,
): Attempt | undefined {
  const status = statusCode as number;
  const next = redirectTarget(status, headers.location, attempt.url);
  if (next === undefined) return undefined;
  if (followed >= maxRedirects) {
    throw new TypeError(`redirect: more than ${maxRedirects} were answered`);
  }
  const url = allowed(next, origins);
  const isGet = becomesGet(status, attempt.method);
  for (const name of fieldsLeft(attempt.url, url, isGet)) attempt.fields.delete(name);
  if (!isGet) return { ...attempt, url };
  for (const name of ['content-length', 'transfer-encoding']) attempt.fields.delete(name);
  return { ...attempt, url, method: 'GET', body: NO_BODY };
}

function signedBy(exchange: Exchange, attempt: Attempt): OutgoingRequest {
  const { url, method, fields, body, agent, signal } = attempt;
  const { bytes, digested } = body;
  const request = { method, url, headers: fields.pairs(), body: bytes, digest: digested?.digest };
  const headers = { Host: url.host, ...fields.object(), ...exchange.sign(request) };
  return { url, method, headers, body: digested ?? bytes, agent, signal };
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const done = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal });
  });
  return Promise.race([promise, aborted]).finally(() => done.abort());
}
