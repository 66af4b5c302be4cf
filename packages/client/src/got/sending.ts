import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import type { ClientRules } from '../axios/client-options.js';
import { held } from '../body.js';
import { Exchange } from '../exchange.js';
import type { Signer } from '../signer.js';

/** A request as got has it ready, whose body is still to come. */
export interface Unsigned {
  readonly url: URL;
  /** What `http.request` takes; the header fields among them are those that will be signed. */
  readonly options: RequestOptions;
}

/** What is told of a request that is under way. */
export interface Listener {
  /** Each request that is made of it: another one where the answer to the first says so. */
  made(request: ClientRequest): void;
  /** The first of them is out. */
  sent(): void;
  failed(error: Error): void;
  answered(response: IncomingMessage): void;
}

// Which text was signed to get a response.
const signedTexts = new WeakMap<object, string>();

/** The text that was signed to get this response, or a copy of it. */
export function signedTextOf({ req }: { readonly req?: object }): string {
  return (req && signedTexts.get(req)) ?? '';
}

/** Signs a request and sends it; once more where the answer says that this will help. Rejects if it cannot be signed. */
export async function send(
  signer: Signer,
  rules: ClientRules,
  request: Unsigned,
  body: Uint8Array,
  listener: Listener,
): Promise<void> {
  const exchange = new Exchange(signer, rules);
  await signer.ready();
  const attempt = (told: () => void) => {
    const sent = signedRequest(exchange, request, body);
    signedTexts.set(sent, exchange.stringToSign);
    listener.made(sent);
    sent.on('error', listener.failed).on('finish', told);
    sent.on('response', (response) => {
      look(exchange, response)
        .then((seen) => (seen === 'again' ? attempt(() => {}) : listener.answered(seen)))
        .catch(listener.failed);
    });
    sent.end(body);
  };
  attempt(listener.sent);
}

function signedRequest(exchange: Exchange, { url, options }: Unsigned, body: Uint8Array) {
  const { method = 'GET' } = options;
  const fields = Object.entries(options.headers ?? {}).flatMap(([name, value]) =>
    [value].flat().flatMap((text) => (text === undefined ? [] : [[name, String(text)] as const])),
  );
  const sizes = /^(?:content-length|transfer-encoding)$/i;
  const given = Object.entries(options.headers ?? {}).filter(([name]) => !sizes.test(name));
  // POST, PUT and PATCH say that they have an empty body; others say nothing of one.
  const says = body.length > 0 || /^(?:POST|PUT|PATCH)$/.test(method);
  const headers = {
    ...Object.fromEntries(given),
    ...(says ? { 'Content-Length': String(body.length) } : {}),
    ...exchange.sign({ method, url, headers: fields, body }),
  };
  const { request } = url.protocol === 'https:' ? https : http;
  return request(url, { ...options, headers });
}

/** Holds a response back where the exchange wants to see it: the response, or a copy of what was read. */
async function look(
  exchange: Exchange,
  response: IncomingMessage,
): Promise<IncomingMessage | 'again'> {
  const { statusCode: status = 0, rawHeaders: headers } = response;
  const get = (name: string) => fieldOf(headers, name);
  const most = exchange.wants({ status, get });
  if (most === undefined) return response;
  const body = await held(response, most).catch((error: unknown) => {
    if (error instanceof RangeError) return undefined;
    throw error;
  });
  if (await exchange.judge({ status, headers }, body)) return 'again';
  return copyOf(response, body as Uint8Array);
}

function fieldOf(headers: readonly string[], name: string): string | undefined {
  const values = headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(', ');
}

function copyOf(response: IncomingMessage, body: Uint8Array): IncomingMessage {
  const { statusCode, statusMessage, httpVersion, httpVersionMajor, httpVersionMinor } = response;
  const { headers, rawHeaders, trailers, rawTrailers, socket } = response;
  const { req } = response as { req?: ClientRequest };
  const copy = Readable.from([body], { objectMode: false });
  return Object.assign(copy as IncomingMessage, {
    ...{ statusCode, statusMessage, httpVersion, httpVersionMajor, httpVersionMinor },
    ...{ headers, rawHeaders, trailers, rawTrailers, socket, req },
    ...{ aborted: false, complete: true, url: '' },
  });
}
