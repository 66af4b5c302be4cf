import {
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { Refusal } from '@countersign/core';
import type { BodyLimits, RequestView } from '../request-view.js';
import type { Accepted } from '../verdict.js';
import type { Verifier } from '../verifier.js';

// A refused body up to this size is let in and thrown away, so that the connection can be used again.
const DRAIN_BYTES = 64 * 1024;
// Longer ones stay unread. The connection is kept this long (ms), so that the caller can read its answer.
const LINGER = 1_000;

/** A request handler that is called only for verified requests. */
export type VerifiedListener = (
  request: IncomingMessage,
  response: ServerResponse,
  caller: Accepted,
) => unknown;

/**
 * Puts a verifier in front of a `node:http` handler. Refused requests are answered here and never reach it.
 *
 * @param handler - gets the verified body as `caller.body`; the stream of the request has been read
 * @example createServer(protect(verifier, (request, response, { identity }) => response.end(identity.credential)))
 */
export function protect(verifier: Verifier, handler: VerifiedListener): RequestListener {
  return async (request, response) => {
    const verdict = await verifier.verify(nodeRequestView(request));
    if (verdict.verdict === 'accepted') await handler(request, response, verdict);
    else refuse(verifier, verdict, request, response);
  };
}

/** The request as the pipeline sees it. Trailers are never looked at. */
export function nodeRequestView(request: IncomingMessage): RequestView {
  const server = (request.socket as { server?: { maxHeadersCount?: number | null } }).server;
  return {
    method: request.method as string,
    target: request.url as string,
    headers: request.rawHeaders,
    body: hasBody(request) ? { read: (limits) => readBody(request, limits) } : undefined,
    remoteAddress: request.socket.remoteAddress,
    maxHeaders: server?.maxHeadersCount || undefined, // 0 and null mean no limit of the server's own
  };
}

/** HTTP/1.1 has no body without one of the two (RFC 9112 §6.3). */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/**
 * Answers in the same form what Node's HTTP parser refuses by itself.
 *
 * @example server.on('clientError', answerClientErrors(verifier))
 */
export function answerClientErrors(
  verifier: Verifier,
): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  return (error, socket) => {
    // An answer that has begun must not be continued with another one.
    const begun = (socket as { _httpMessage?: ServerResponse | null })._httpMessage?.headersSent;
    if (error.code === 'ECONNRESET' || !socket.writable || begun === true) {
      socket.destroy();
      return;
    }
    const { status, headers, body } = verifier.answer(parserRefusal(error.code));
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.pause();
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
    const timer = setTimeout(() => socket.destroy(), LINGER);
    socket.once('close', () => clearTimeout(timer));
  };
}

function parserRefusal(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Refusal('headers_too_many', 'The header is larger than the server takes.');
  }
  if (code === 'HPE_INVALID_EOF_STATE') {
    return new Refusal('body_incomplete', 'The connection ended before the request did.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Refusal('body_timeout', 'The request did not arrive in time.');
  }
  return new Refusal('header_malformed', 'The request is not valid HTTP/1.1.');
}

function refuse(
  verifier: Verifier,
  refusal: Refusal,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { status, headers, body } = verifier.answer(refusal);
  const keep = refusal.code !== 'body_timeout' && isShort(request, response);
  response.writeHead(status, {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    ...(keep ? {} : { Connection: 'close' }),
  });
  if (keep) {
    response.end(body);
    return;
  }
  // Closing at once, with unread bytes on the way, would reset the connection under the answer.
  request.pause();
  response.write(body);
  const timer = setTimeout(() => response.end(), LINGER);
  request.socket.once('close', () => clearTimeout(timer));
}

/** True if nothing is left to read of the request, or little enough to be let in before the connection is used again. */
function isShort(request: IncomingMessage, { shouldKeepAlive }: ServerResponse): boolean {
  if (request.complete) return true;
  // NaN, so false, for a chunked body, and for a length that Node dropped among too many fields.
  return shouldKeepAlive && Number(request.headers['content-length']) <= DRAIN_BYTES;
}

function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Uint8Array | Refusal> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Uint8Array | Refusal) => {
      clearTimeout(timer);
      request.off('data', take).off('end', end).off('close', lost).off('error', lost);
      // Whatever happens to the stream later, nobody else listens, and an unheard 'error' would end the process.
      request.on('error', () => {});
      resolve(result);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limits.maxBytes) {
        request.pause();
        settle(new Refusal('body_too_large', `The body has more than ${limits.maxBytes} bytes.`));
      }
    };
    const end = () =>
      settle(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
    const lost = () =>
      settle(new Refusal('body_incomplete', 'The connection ended before the body did.'));
    const timer = setTimeout(() => {
      request.pause();
      settle(new Refusal('body_timeout', `The body did not arrive within ${limits.timeout} ms.`));
    }, limits.timeout);

    const touched = request.readableDidRead || request.readableEnded;
    if (touched || request.readableEncoding !== null) {
      settle(
        new Refusal('body_unavailable', 'Something read the body before it could be verified.'),
      );
    } else if (request.destroyed) lost();
    else request.on('data', take).on('end', end).on('close', lost).on('error', lost);
  });
}
