import http, { type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import { urlToHttpOptions } from 'node:url';
import type { DigestedBody } from '../body.js';
import { type BodyFate, bodyStream } from './body-stream.js';

/** A request that is signed. */
export interface OutgoingRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: string | Uint8Array | DigestedBody | undefined;
  readonly agent: Agent | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The head of an answer has come. */
export interface Answered {
  readonly request: ClientRequest;
  readonly message: IncomingMessage;
}

/** The connection failed; the request and the body are not to blame. */
export class ConnectionFault extends Error {
  /** What Node said. */
  override readonly cause: NodeJS.ErrnoException;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message);
    this.cause = cause;
  }

  /** No connection was made, so the server has applied nothing. */
  get nothingSent(): boolean {
    const { syscall } = this.cause;
    return (
      this.cause instanceof AggregateError || syscall === 'connect' || syscall === 'getaddrinfo'
    );
  }
}

const FAULTS: ReadonlySet<string | undefined> = new Set([
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['ENETDOWN', 'ENETUNREACH', 'EHOSTDOWN', 'EHOSTUNREACH'],
]);

/** The same error, as a ConnectionFault where it is one. */
export function faultOf(error: unknown): unknown {
  const isFault = error instanceof Error && FAULTS.has((error as NodeJS.ErrnoException).code);
  return isFault ? new ConnectionFault(error) : error;
}

/** Sends it once. Rejects with ConnectionFault, or with the error of the body. */
export function send(outgoing: OutgoingRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const { url, method, headers, body, agent, signal } = outgoing;
    const fate: BodyFate = {};
    const { request: open } = url.protocol === 'https:' ? https : http;
    const request = open({
      ...urlToHttpOptions(url),
      method,
      headers,
      ...(agent === undefined ? {} : { agent }),
      ...(signal === undefined ? {} : { signal }),
    });
    request.on('error', (error) => reject('fault' in fate ? fate.fault : faultOf(error)));
    request.on('response', (message) => resolve({ request, message }));
    if (typeof body !== 'object' || body instanceof Uint8Array) request.end(body);
    else pipeline(bodyStream(body, fate), request, () => {}); // 'error' tells
  });
}

// So much is rather read than a connection given up.
const SHORT = 65_536;

/** Is not interested in the body of an answer, nor in sending the rest of the request. */
export function discard({ request, message }: Answered): void {
  message.on('error', () => {});
  const rest = message.complete ? 0 : Number(message.headers['content-length'] ?? Number.NaN);
  if (request.writableFinished && rest <= SHORT) message.resume();
  else request.destroy();
}
