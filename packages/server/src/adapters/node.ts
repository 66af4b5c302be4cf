import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { hasBody } from '../node-http/has-body.js';
import { parserRefusal } from '../node-http/parser-refusal.js';
import { readBody } from '../node-http/read-body.js';
import { endWithAnswer, sendRefusal } from '../node-http/send-refusal.js';
import type { RequestView } from '../request-view.js';
import type { Accepted } from '../verdict.js';
import type { Verifier } from '../verifier.js';

export { parserRefusal } from '../node-http/parser-refusal.js';

/** A request handler that is called only for verified requests. */
export type VerifiedListener = (
  request: IncomingMessage,
  response: ServerResponse,
  caller: Accepted,
) => unknown;

/**
 * Puts a verifier in front of a `node:http` handler. Refused requests are answered here and never reach it.
 *
 * @param handler - gets the verified body as `caller.body`; the stream of the request has been read. What it throws is not
 *   caught, as with any async listener of `node:http`
 * @example createServer(protect(verifier, (request, response, { identity }) => response.end(identity.credential)))
 */
export function protect(verifier: Verifier, handler: VerifiedListener): RequestListener {
  return async (request, response) => {
    const verdict = await verifier.verify(nodeRequestView(request));
    if (verdict.verdict === 'accepted') await handler(request, response, verdict);
    else sendRefusal(verdict, verifier.answer(verdict), request, response);
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
    endWithAnswer(socket, verifier.answer(parserRefusal(error.code)));
  };
}
