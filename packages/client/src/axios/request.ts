import { Axios, AxiosHeaders, type InternalAxiosRequestConfig } from 'axios';
import { type ReadyBody, readyBody } from '../body.js';
import type { Exchange } from '../exchange.js';
import { allowed } from '../origins.js';
import { becomesGet, fieldsLeft } from '../redirect.js';
import type { ClientRules } from './client-options.js';
import { isOldForm, isOldStream, piecesOfOldStream } from './form-stream.js';
import { nodeStreamOf, webStreamOf } from './streams.js';

/** One request of an application, as far as its attempts share it. */
export interface Attempt {
  readonly url: URL;
  readonly method: string;
  readonly headers: AxiosHeaders;
  readonly body: ReadyBody;
}

/** How the adapter below is to be used. */
export interface SendingRules {
  readonly requireSigned: boolean;
  /** Streams are those of the Web, as fetch takes and gives them, and not those of Node. */
  readonly sendsWebStreams: boolean;
}

const NO_BODY: ReadyBody = { bytes: undefined, digested: undefined, type: undefined };
// What was read once is empty the second time, and would be signed as such.
const spent = new WeakSet<object>();

/** @throws TypeError for a URL, a body or settings that cannot be signed */
export async function firstAttempt(
  config: InternalAxiosRequestConfig,
  rules: ClientRules,
): Promise<Attempt> {
  if (config.auth != null) {
    throw new TypeError('auth: the Authorization field is that of the signature');
  }
  if (config.beforeRedirect !== undefined) {
    throw new TypeError('beforeRedirect: is not called, since redirects are signed and sent here');
  }
  const url = allowed(urlOf(config), rules.origins);
  const headers = new AxiosHeaders(config.headers);
  const body = await bodyOf(config, rules.maxBodyBytes);
  if (body.type !== undefined) headers.setContentType(body.type);
  headers.delete('content-length'); // that of what is sent is written below
  if (rules.requireSigned && !headers.has('accept-encoding')) {
    headers.set('Accept-Encoding', 'identity'); // what is signed are the bytes on the wire
  }
  const method = (config.method ?? 'get').toUpperCase();
  return { url, method, headers, body };
}

/** The next request after a redirect; throws a TypeError if it would leave the origins. */
export function redirected(
  attempt: Attempt,
  status: number,
  target: URL,
  rules: ClientRules,
): Attempt {
  const url = allowed(target, rules.origins);
  const headers = new AxiosHeaders(attempt.headers);
  if (url.origin !== attempt.url.origin) headers.delete('host');
  const isGet = becomesGet(status, attempt.method);
  headers.delete([...fieldsLeft(attempt.url, url, isGet)]);
  if (!isGet) return { ...attempt, url, headers };
  return { url, method: 'GET', headers, body: NO_BODY };
}

/** What the adapter below gets: the request as it is signed, and nothing that would change it. */
export function configToSend(
  config: InternalAxiosRequestConfig,
  exchange: Exchange,
  { url, method, headers, body }: Attempt,
  { requireSigned, sendsWebStreams }: SendingRules,
): InternalAxiosRequestConfig {
  const { bytes, digested } = body;
  const fields = fieldsOf(headers);
  const request = { method, url, headers: fields, body: bytes, digest: digested?.digest };
  const signed = new AxiosHeaders(headers);
  signed.set(exchange.sign(request));
  if (digested?.length !== undefined) signed.set('Content-Length', String(digested.length));
  return {
    ...config,
    url: url.href,
    baseURL: undefined as never,
    params: undefined,
    method,
    headers: signed as InternalAxiosRequestConfig['headers'],
    data: digested === undefined ? sendable(bytes) : streamOf(digested.open(), sendsWebStreams),
    maxRedirects: 0,
    validateStatus: null,
    fetchOptions: {
      ...(requireSigned ? { cache: 'no-store' } : {}), // what a browser stored answers another request
      ...config.fetchOptions,
      redirect: 'manual',
    },
    ...(requireSigned ? { responseType: 'stream' } : {}),
  };
}

/** The URL as axios makes it of `baseURL`, `url` and `params`, in the form in which it is sent. */
function urlOf(config: InternalAxiosRequestConfig): URL {
  const text = new Axios({}).getUri(config);
  if (!URL.canParse(text)) throw new TypeError('url: expected an absolute http: or https: URL');
  const url = new URL(text);
  url.hash = '';
  return url;
}

/** The bytes to send. What can be read only once is kept in the config, for who sends that again. */
async function bodyOf(
  config: InternalAxiosRequestConfig,
  maxBodyBytes: number | undefined,
): Promise<ReadyBody> {
  const { data } = config;
  if (typeof data !== 'object' || data === null) return readyBody(data, maxBodyBytes);
  if (spent.has(data) || data.readableEnded === true || data.destroyed === true) {
    throw new TypeError('body: the stream was read before; give a new one');
  }
  const isStream = isOldStream(data) || data instanceof ReadableStream;
  if (isStream || (Symbol.asyncIterator in data && typeof data.digest !== 'string'))
    spent.add(data);
  const ready = await readyBody(isOldStream(data) ? piecesOfOldStream(data) : data, maxBodyBytes);
  const type = typeOf(data, ready);
  if (ready.digested === undefined) config.data = sendable(ready.bytes);
  if (type !== undefined) config.headers.setContentType(type);
  return { ...ready, type };
}

/** What axios writes for such a body, whatever the type was before; `undefined` where it leaves that alone. */
function typeOf(data: object, ready: ReadyBody): string | undefined {
  if (isOldForm(data)) {
    const fields = Object.entries(data.getHeaders());
    return fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  }
  if (data instanceof Blob) return ready.type ?? 'application/octet-stream';
  return data instanceof URLSearchParams ? undefined : ready.type;
}

/** A name once for each value, so that the signer sees what is there twice. */
function fieldsOf(headers: AxiosHeaders): [string, string][] {
  return Object.entries(headers.toJSON()).flatMap(([name, value]) =>
    [value].flat().map((text): [string, string] => [name, String(text)]),
  );
}

/** In the shapes that all adapters of axios take. */
function sendable(bytes: string | Uint8Array | undefined): string | Uint8Array | undefined {
  if (!(bytes instanceof Uint8Array) || typeof Buffer === 'undefined') return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function streamOf(pieces: AsyncIterable<Uint8Array>, sendsWebStreams: boolean): unknown {
  return sendsWebStreams ? webStreamOf(pieces) : nodeStreamOf(pieces);
}
