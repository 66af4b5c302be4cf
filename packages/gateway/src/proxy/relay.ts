import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { NodeResponse } from '@countersign/server/node';
import type { Dispatcher } from 'undici';
import { HOP_BY_HOP } from './hop-by-hop.js';
import type { GatewayCode } from './problem.js';

/** How an exchange with upstream ended. */
export interface RelayEnd {
  /** Of the answer of upstream; `undefined` if there was none. */
  readonly status: number | undefined;
  readonly fault: GatewayCode | undefined;
  readonly error: Error | undefined;
  /** Whether anything of the answer has gone out. */
  readonly begun: boolean;
  /** Bytes of the body that were passed on. */
  readonly bytes: number;
}

const LAST_STATUS = 599;
// RFC 9112 §4. Anything else is left out, as HTTP/2 leaves out all of them.
const REASON = /^[\t\x20-\x7e\xa0-\xff]*$/;
/** How an answer is passed on, and who is told how it goes. */
export interface RelayOptions {
  readonly http2: boolean;
  /** Most bytes of an answer that is passed on once it is whole, as one that is to be signed must be. */
  readonly holdBytes?: number | undefined;
  /** The request is about to be sent. */
  readonly begun?: () => void;
  readonly ended: (end: RelayEnd) => void;
}

// Until the first byte of the body is here, an answer that turns out to be none can still become a 502. So long (ms) is waited.
const FIRST_BYTE = 20;

/** Passes the answer of upstream on as it comes: status, fields in their spelling and order, body, trailers. */
export class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #options: RelayOptions;
  readonly #held: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #status: number | undefined;
  #head: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #over = false;
  readonly #closed = () => this.#controller?.abort(new Error('the caller has gone'));

  constructor(response: NodeResponse, options: RelayOptions) {
    this.#response = response as ServerResponse;
    this.#options = options;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (hasGone(this.#response)) this.#closed();
    else {
      this.#response.on('close', this.#closed);
      this.#options.begun?.();
    }
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    if (status < 200) return; // of interest to the gateway alone
    if (status > LAST_STATUS) {
      this.#refuse(new RangeError('a status of no class'));
      return;
    }
    this.#status = status;
    const response = this.#response;
    const { http2, holdBytes } = this.#options;
    const fields = responseFields(controller.rawHeaders, headers, http2 || holdBytes !== undefined);
    this.#head = () => {
      if (http2 || message === undefined || !REASON.test(message)) {
        response.writeHead(status, fields as never);
      } else response.writeHead(status, message, fields as never);
    };
    if (holdBytes !== undefined) return;
    this.#timer = setTimeout(() => {
      if (this.#begin()) response.flushHeaders();
    }, FIRST_BYTE);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { holdBytes } = this.#options;
    if (holdBytes === undefined ? !this.#begin() : this.#over) return;
    this.#bytes += chunk.length;
    if (holdBytes !== undefined) {
      if (this.#bytes <= holdBytes) this.#held.push(chunk);
      else this.#refuse(new RangeError('too long an answer'), 'response_too_long');
      return;
    }
    if (!this.#response.write(chunk)) {
      controller.pause();
      this.#response.once('drain', () => controller.resume());
    }
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (!this.#begin()) return;
    for (const piece of this.#held) this.#response.write(piece);
    const names = trailers === null || trailers === undefined ? [] : Object.keys(trailers);
    if (names.length > 0) this.#addTrailers(trailers);
    this.#response.end();
    this.#finish(undefined, undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#timer);
    this.#finish(faultOf(error), error);
  }

  /** Sends the head, unless it has gone out; false if there is no answer to go on with. */
  #begin(): boolean {
    const head = this.#head;
    this.#head = undefined;
    clearTimeout(this.#timer);
    try {
      head?.();
    } catch (error) {
      // What undici reads, Node need not be willing to write.
      this.#refuse(error as Error);
    }
    return !this.#over;
  }

  /** An answer that cannot be passed on is none. */
  #refuse(cause: Error, fault: GatewayCode = 'upstream_malformed'): void {
    this.#finish(fault, cause);
    this.#controller?.abort(cause);
  }

  #addTrailers(trailers: IncomingHttpHeaders): void {
    try {
      this.#response.addTrailers(trailers as never);
    } catch {
      // A name that is none is left out, with all of them.
    }
  }

  #finish(fault: GatewayCode | undefined, error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#response.off('close', this.#closed);
    const begun = this.#response.headersSent;
    this.#options.ended({ status: this.#status, fault, error, begun, bytes: this.#bytes });
  }
}

/** Whether nobody is there any more, nor a `close` to come that would say so. */
function hasGone(response: ServerResponse): boolean {
  // An answer over HTTP/2 is neither itself: its stream is.
  const { stream = response } = response as {
    readonly stream?: ServerHttp2Stream;
  } & typeof response;
  return stream.destroyed || stream.closed;
}

const TIMEOUTS: ReadonlySet<string> = new Set([
  ...['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'],
]);
const MALFORMED = /^(?:HPE_|UND_ERR_HEADERS_OVERFLOW$|UND_ERR_RES_|UND_ERR_RESPONSE)/;

/** What an error of the connection to upstream is to the caller. */
export function faultOf(error: Error): GatewayCode {
  const { code = '', name } = error as NodeJS.ErrnoException;
  if (TIMEOUTS.has(code)) return 'upstream_timeout';
  return MALFORMED.test(code) || name === 'HTTPParserError'
    ? 'upstream_malformed'
    : 'upstream_unavailable';
}

/** Fields for the caller: as they came, but for those of the connection, and those that it names. */
export function responseFields(
  raw: Dispatcher.DispatchController['rawHeaders'],
  headers: IncomingHttpHeaders,
  http2: boolean,
): string[] | Record<string, string | string[]> {
  const named = String(headers.connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const isOfConnection = (name: string) => HOP_BY_HOP.has(name) || named.includes(name);
  if (!http2 && Array.isArray(raw)) {
    const fields: string[] = [];
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = textOf(raw[i]);
      if (!isOfConnection(name.toLowerCase())) fields.push(name, textOf(raw[i + 1]));
    }
    return fields;
  }
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !isOfConnection(name)) fields[name] = value;
  }
  return fields;
}

const textOf = (value: Buffer | string | undefined): string =>
  typeof value === 'string' ? value : (value as Buffer).toString('latin1');
