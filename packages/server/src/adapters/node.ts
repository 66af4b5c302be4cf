import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { admit } from '../node-http/admit.js';
import type { NodeRequest, NodeResponse } from '../node-http/node-request.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier, Verifier } from '../verifier.js';

export { type Admission, admit, refuse } from '../node-http/admit.js';
export { answerClientErrors } from '../node-http/answer-client-errors.js';
export { verifyBeforeContinue } from '../node-http/before-continue.js';
export type { NodeRequest, NodeRequestParts, NodeResponse } from '../node-http/node-request.js';
export { hasBody, isHttp2, nodeRequestView } from '../node-http/node-request.js';
export { parserRefusal } from '../node-http/parser-refusal.js';
export { protectUpgrade, type VerifiedUpgradeListener } from '../node-http/protect-upgrade.js';
export { endWithAnswer } from '../node-http/send-refusal.js';

/** A request handler that is called only for verified requests; `C` may be `undefined` where credentials are optional. */
export type VerifiedListener<
  C = Accepted,
  Q extends NodeRequest = IncomingMessage,
  S extends NodeResponse = ServerResponse,
> = (request: Q, response: S, caller: C) => unknown;

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
