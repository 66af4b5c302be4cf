import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Refusal } from '@countersign/core';
import type { BodySource, RequestView, Verifier } from '@countersign/server';
import { answerAccepted, answerFault, answerRefused, type ForwardAuthAnswer } from './answer.js';
import { fault } from './fault.js';
import { checkOptions, type ForwardAuthOptions, type ForwardAuthRules } from './options.js';
import { type OriginalRequest, originalRequest } from './original-request.js';

export type { ForwardAuthCode } from './fault.js';
export type { BodyCheck, ForwardAuthOptions } from './options.js';

/**
 * Makes the endpoint that a proxy asks about each request it gets: nginx by `auth_request`, Caddy by `forward_auth`, HAProxy by
 * a Lua action. docs/forward-auth.md has what the proxy must send and strip.
 *
 * It answers every request it is given, whatever its method and path: 200 with who asked, in X-Countersign-Credential, -Group,
 * -Signed-Headers and -Content-Digest; else 401 or 403, with the code that the caller may know in X-Countersign-Code.
 *
 * @returns a listener of `node:http`
 * @throws TypeError that names the option
 * @example createServer(createForwardAuth({ verifier })).listen(9000, '127.0.0.1');
 */
export function createForwardAuth(options: ForwardAuthOptions): RequestListener {
  const rules = checkOptions(options);
  return async (request, response) => send(response, await decide(rules, request));
}

async function decide(
  rules: ForwardAuthRules,
  { socket, rawHeaders }: IncomingMessage,
): Promise<ForwardAuthAnswer> {
  const { remoteAddress: peer } = socket;
  if (peer === undefined || !rules.peers.has(peer)) {
    return answerFault(fault('peer_not_trusted', 'Only a proxy that trustedPeers names may ask.'));
  }
  const original = originalRequest(rawHeaders);
  if ('code' in original) return answerFault(original);
  const { declaresBody, ...request } = original;
  const verifier = declaresBody ? rules.upstream : rules.bodiless;
  if (verifier === undefined) {
    const detail = 'The request has a body, and nobody here checks bodies.';
    return answerFault(fault('body_not_checked', detail));
  }
  return ask(verifier, {
    ...request,
    body: declaresBody ? ELSEWHERE : undefined,
    maxHeaders: maxHeaders(socket, rawHeaders, original),
  });
}

async function ask(verifier: Verifier, request: RequestView): Promise<ForwardAuthAnswer> {
  try {
    const verdict = await verifier.verify(request);
    if (verdict.verdict === 'refused') return answerRefused(verifier.answer(verdict));
    if (verdict.verdict === 'accepted') return answerAccepted(verdict, request.headers);
  } catch {
    // A verifier of somebody's own may throw.
  }
  return answerFault(fault('verification_failed', 'The verifier gave no verdict.'));
}

/** How many of the caller's fields fit beside the proxy's own, before the server drops some. */
function maxHeaders(
  socket: IncomingMessage['socket'],
  rawHeaders: readonly string[],
  { headers }: OriginalRequest,
): number | undefined {
  const { server } = socket as { server?: { maxHeadersCount?: number | null } };
  const most = server?.maxHeadersCount || undefined; // 0 and null mean no limit of the server's own
  return most === undefined ? undefined : most + (headers.length - rawHeaders.length) / 2;
}

/** A body that goes past us, to a service which compares it with the digest. */
const ELSEWHERE: BodySource = {
  read: () => new Refusal('body_unavailable', 'The body is not here.'),
  watch: () => undefined,
};

function send(response: ServerResponse, { status, headers, body }: ForwardAuthAnswer): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
