import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { admit } from '../node-http/admit.js';
import { type NodeRequest, type NodeResponse, nodeRequestView } from '../node-http/node-request.js';
import { parserRefusal } from '../node-http/parser-refusal.js';
import { endWithAnswer } from '../node-http/send-refusal.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier, Verifier } from '../verifier.js';

export { verifyBeforeContinue } from '../node-http/before-continue.js';
export type { NodeRequest, NodeResponse } from '../node-http/node-request.js';
export { nodeRequestView } from '../node-http/node-request.js';
export { parserRefusal } from '../node-http/parser-refusal.js';

/** A request handler that is called only for verified requests; `C` may be `undefined` where credentials are optional. */
export type VerifiedListener<
  C = Accepted,
  Q extends NodeRequest = IncomingMessage,
  S extends NodeResponse = ServerResponse,
> = (request: Q, response: S, caller: C) => unknown;

/** A listener of `upgrade` that is called only for verified requests; `C` may be `undefined` where credentials are optional. */
export type VerifiedUpgradeListener<C = Accepted> = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  caller: C,
) => unknown;

/**
 * Puts a verifier in front of a handler of `node:http` or `node:http2`. Refused requests are answered here and never reach it.
 *
 * @param handler - gets the verified body as `caller.body`, and once more as the stream of the request. What it throws is not
 *   caught, as with any async listener of Node
 * @example createServer(protect(verifier, (request, response, { identity }) => response.end(identity.credential)))
 */
export function protect<
  Q extends NodeRequest = IncomingMessage,
  S extends NodeResponse = ServerResponse,
>(verifier: Verifier, handler: VerifiedListener<Accepted, Q, S>): (request: Q, response: S) => void;
export function protect<
  Q extends NodeRequest = IncomingMessage,
  S extends NodeResponse = ServerResponse,
>(
  verifier: OptionalVerifier,
  handler: VerifiedListener<Accepted | undefined, Q, S>,
): (request: Q, response: S) => void;
export function protect(
  verifier: OptionalVerifier,
  handler: VerifiedListener<never>,
): RequestListener {
  return async (request, response) => {
    const admission = await admit(verifier, request, response);
    if (admission !== undefined) await handler(request, response, admission.caller as never);
  };
}

/**
 * Verifies requests for another protocol, such as WebSocket; those refused are answered and their connections closed.
 *
 * @param handler - what it throws is not caught, as with any async listener of Node
 * @example server.on('upgrade', protectUpgrade(verifier, (request, socket, head, caller) => …))
 */
export function protectUpgrade(
  verifier: Verifier,
  handler: VerifiedUpgradeListener,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
export function protectUpgrade(
  verifier: OptionalVerifier,
  handler: VerifiedUpgradeListener<Accepted | undefined>,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
export function protectUpgrade(
  verifier: OptionalVerifier,
  handler: VerifiedUpgradeListener<never>,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void> {
  return async (request, socket, head) => {
    const broken = () => socket.destroy();
    socket.on('error', broken);
    const verdict = await verifier.verify(nodeRequestView(request));
    if (verdict.verdict === 'refused') {
      endWithAnswer(socket, verifier.answer(verdict));
      return;
    }
    socket.off('error', broken);
    const caller = verdict.verdict === 'accepted' ? verdict : undefined;
    await handler(request, socket, head, caller as never);
  };
}

/**
 * Answers in the same form what Node's HTTP parser refuses by itself.
 *
 * @example server.on('clientError', answerClientErrors(verifier))
 */
export function answerClientErrors(
  verifier: Pick<Verifier, 'answer'>,
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
