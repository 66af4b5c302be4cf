import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from '@countersign/core';
import type { Accepted, BodySource, RequestView, Verifier } from '@countersign/server';
import { callerAddress } from '../proxy/caller-address.js';
import { disguise } from '../proxy/disguised-fields.js';
import { type Exchange, exchangeOf, tell } from '../proxy/exchange.js';
import { answerAccepted, answerFault, answerRefused, type ForwardAuthAnswer } from './answer.js';
import { type ForwardAuthFault, fault } from './fault.js';
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
 * @returns a listener of `node:http`, which resolves once it has answered
 * @throws TypeError that names the option
 * @example createServer(createForwardAuth({ verifier })).listen(9000, '127.0.0.1');
 */
export function createForwardAuth(
  options: ForwardAuthOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const rules = checkOptions(options);
  return async (request, response) => {
    const exchange = exchangeOf(request);
    const answer = await decide(rules, exchange);
    exchange.status = answer.status;
    send(response, answer);
    tell(rules.onExchange, exchange);
  };
}

async function decide(rules: ForwardAuthRules, exchange: Exchange): Promise<ForwardAuthAnswer> {
  const { peer } = exchange;
  const { socket, rawHeaders } = exchange.request as IncomingMessage;
  const say = (found: ForwardAuthFault) => {
    exchange.fault = found.code;
    return answerFault(found);
  };
  if (peer === undefined || !rules.peers.has(peer)) {
    return say(fault('peer_not_trusted', 'Only a proxy that trustedPeers names may ask.'));
  }
  // Whatever is wrong from here on is the doing of somebody behind the proxy.
  exchange.caller = undefined;
  const original = originalRequest(rawHeaders);
  if ('code' in original) return say(original);
  const { declaresBody, ...request } = original;
  Object.assign(exchange, { method: request.method, target: request.target });
  const { 'x-forwarded-for': told } = exchange.request.headers;
  exchange.caller = callerAddress(request.remoteAddress, told, rules.isTrusted);
  if (rules.throttle?.(exchange.caller) !== undefined) {
    return say(fault('throttled', 'Requests of this address are not looked at for a while.'));
  }
  const verifier = declaresBody ? rules.upstream : rules.bodiless;
  if (verifier === undefined) {
    return say(fault('body_not_checked', 'The request has a body, and nobody here checks bodies.'));
  }
  const body = declaresBody ? ELSEWHERE : undefined;
  const maxHeaders = maxHeadersOf(socket, rawHeaders, original);
  // Whatever the endpoint lets pass reaches the service with the proxy, which may take off less than it should.
  const verdict =
    disguise(request.headers) ?? (await verdictOf(verifier, { ...request, body, maxHeaders }));
  exchange.verdict = verdict;
  const answer = verdict && answerOf(verifier, verdict, request.headers);
  return answer ?? say(fault('verification_failed', 'The verifier gave no verdict that fits.'));
}

function answerOf(
  verifier: Verifier,
  verdict: Accepted | Refusal,
  headers: readonly string[],
): ForwardAuthAnswer | undefined {
  if (verdict.verdict === 'accepted') return answerAccepted(verdict, headers);
  try {
    return answerRefused(verifier.answer(verdict));
  } catch {
    return undefined;
  }
}

/** A verifier of somebody's own may throw, or give what is none. */
async function verdictOf(
  verifier: Verifier,
  request: RequestView,
): Promise<Accepted | Refusal | undefined> {
  try {
    const verdict = await verifier.verify(request);
    return ['accepted', 'refused'].includes(verdict?.verdict) ? verdict : undefined;
  } catch {
    return undefined;
  }
}

/** How many of the caller's fields fit beside the proxy's own, before the server drops some. */
function maxHeadersOf(
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
