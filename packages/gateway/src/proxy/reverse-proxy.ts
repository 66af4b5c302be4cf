import type { Duplex, Readable } from 'node:stream';
import { canonicalTarget, Refusal } from '@countersign/core';
import { type Accepted, BodyRefusedError, type Verifier } from '@countersign/server';
import {
  admit,
  answerClientErrors,
  hasBody,
  isHttp2,
  type NodeRequest,
  type NodeResponse,
  refuse,
  verifyBeforeContinue,
} from '@countersign/server/node';
import type { Policy } from '@countersign/server/policy';
import { answerPayloadFault, type PayloadFault } from '../payload/payload.js';
import { Busy } from './busy.js';
import { type Exchange, exchangeOf, type OnExchange } from './exchange.js';
import { dropsFields, forwardedFields } from './forwarded-fields.js';
import { mayFollow, payloadFaultOf } from './payload-of.js';
import { sendProblem } from './problem.js';
import { Relay, type RelayEnd } from './relay.js';
import { type Resign, resigned } from './resign.js';
import { SPOOL, SpooledBody, type SpoolOptions } from './spooled-body.js';
import { upgradeThrough } from './upgrade.js';
import type { Upstream, Upstreams } from './upstreams.js';

/** What a reverse proxy is made of. */
export interface ReverseProxyOptions {
  /** Decides. Its bodies are `buffer`; `maxBodyBytes` bounds those that are kept until they are verified. */
  readonly verifier: Verifier;
  readonly upstreams: Upstreams;
  /** Which requests are passed on while they arrive, by method and canonical path; none unless given. */
  readonly streams?: ((method: string, path: string) => boolean) | undefined;
  /** The verifier for those: of the same rules, with bodies as `stream`. */
  readonly streamVerifier?: Verifier | undefined;
  readonly spool?: SpoolOptions | undefined;
  /** Which peers' forwarded fields are continued; nobody's unless given. */
  readonly isTrusted?: ((address: string | undefined) => boolean) | undefined;
  /** Signs what is passed on with a key of the gateway's own. */
  readonly resign?: Resign | undefined;
  /** The policy of the verifier, for its rules on payloads. */
  readonly policy?: Policy | undefined;
  /** Decides before anything else whether the peer is listened to at all; the seconds to stay away if not. */
  readonly throttle?: ((peer: string | undefined) => number | undefined) | undefined;
  readonly onExchange?: OnExchange | undefined;
}

/** Listeners of a server: see {@link attachReverseProxy}. */
export interface ReverseProxy {
  readonly onRequest: (request: NodeRequest, response: NodeResponse) => void;
  readonly onUpgrade: (request: NodeRequest, socket: Duplex, head: Buffer) => void;
  /** Resolves once nothing is under way any more. */
  readonly idle: () => Promise<void>;
}

/**
 * Verifies requests and passes the accepted ones to a service, with the target byte for byte as signed; relays its answers.
 * Unless a request streams, no byte of it reaches the service before all of it is verified.
 */
export function createReverseProxy(options: ReverseProxyOptions): ReverseProxy {
  const proxy = new Proxied(options);
  return {
    onRequest: (request, response) => void proxy.busy.during(proxy.answer(request, response)),
    onUpgrade: (request, socket, head) =>
      void proxy.busy.during(proxy.upgrade(request, socket, head)),
    idle: () => proxy.busy.idle(),
  };
}

/** Puts a proxy on a server of `node:http`, `node:https` or `node:http2`. */
export function attachReverseProxy(
  server: NodeJS.EventEmitter,
  proxy: () => ReverseProxy,
  verifier: () => Pick<Verifier, 'answer'>,
): void {
  const onRequest = (request: NodeRequest, response: NodeResponse) =>
    proxy().onRequest(request, response);
  server.on('request', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('upgrade', (request, socket, head) => proxy().onUpgrade(request, socket, head));
  server.on('clientError', (error, socket) =>
    answerClientErrors({ answer: (refusal) => verifier().answer(refusal) })(error, socket),
  );
  verifyBeforeContinue(server);
}

class Proxied {
  readonly busy = new Busy();
  readonly #options: ReverseProxyOptions;
  readonly #spool: SpoolOptions;

  constructor(options: ReverseProxyOptions) {
    this.#options = options;
    this.#spool = options.spool ?? SPOOL;
  }

  async answer(request: NodeRequest, response: NodeResponse): Promise<void> {
    const exchange = exchangeOf(request);
    response.once('close', () => {
      exchange.status = exchange.status || response.statusCode;
      this.#tell(exchange);
    });
    const away = this.#options.throttle?.(exchange.peer);
    if (away !== undefined) return this.#throttled(exchange, response, away);
    const tricked = dropsFields(request.rawHeaders);
    const { verifier, body } = this.#wayOf(request);
    if (tricked) {
      const what = 'A Connection field names a field of the request.';
      exchange.verdict = new Refusal('header_malformed', what);
      return refuse(verifier, exchange.verdict, request, response);
    }
    const admission = await admit(verifier, request, response, { body }, (refusal) => {
      exchange.verdict = refusal;
    });
    const caller = admission?.caller;
    if (caller === undefined) return;
    exchange.verdict = caller;
    const fault = payloadFaultOf(this.#options.policy, request, caller, body);
    if (fault !== undefined) this.#refusePayload(exchange, response, fault);
    else await this.#forward(exchange, response, caller, body);
    await body?.discard();
  }

  async upgrade(request: NodeRequest, socket: Duplex, head: Buffer): Promise<void> {
    const exchange = exchangeOf(request);
    socket.once('close', () => this.#tell(exchange));
    await upgradeThrough(
      { ...this.#options, exchange, fields: this.#fields },
      request,
      socket,
      head,
    );
  }

  /** How a request is verified: while it arrives, from memory, or from where it is kept meanwhile. */
  #wayOf(request: NodeRequest): { verifier: Verifier; body: SpooledBody | undefined } {
    const { verifier, streamVerifier, streams } = this.#options;
    if (streamVerifier !== undefined && streams !== undefined) {
      const target = canonicalTarget(request.url ?? '');
      if (
        typeof target === 'string' &&
        streams(request.method as string, target.split('?', 1)[0] as string)
      ) {
        return { verifier: streamVerifier, body: undefined };
      }
    }
    const length = Number(request.headers['content-length'] ?? Number.NaN);
    const fits = length <= this.#spool.memoryBytes || !hasBody(request);
    return { verifier, body: fits ? undefined : new SpooledBody(request, this.#spool) };
  }

  async #forward(
    exchange: Exchange,
    response: NodeResponse,
    caller: Accepted,
    spooled: SpooledBody | undefined,
  ): Promise<void> {
    const { request } = exchange;
    const fields = this.#fields(exchange, caller);
    const tried: Upstream[] = [];
    exchange.bytesIn = spooled?.size ?? caller.body.length;
    for (;;) {
      const upstream = this.#options.upstreams.next(tried);
      if (upstream === undefined)
        return sendProblem(response, exchange.fault ?? 'upstream_unavailable');
      tried.push(upstream);
      const body = bodyFor(request, caller, spooled);
      const end = await this.#exchange(exchange, upstream, response, fields, body);
      if (end.fault === undefined) return;
      exchange.fault = end.fault;
      exchange.error = end.error;
      if (!canRetry(end, body)) return this.#failed(exchange, response, end);
    }
  }

  #exchange(
    exchange: Exchange,
    upstream: Upstream,
    response: NodeResponse,
    headers: string[],
    body: Buffer | Readable | null,
  ): Promise<RelayEnd> {
    const { request } = exchange;
    const start = performance.now();
    exchange.upstream = upstream.origin;
    return new Promise((resolve) => {
      const ended = (end: RelayEnd) => {
        exchange.upstreamTime = performance.now() - start;
        exchange.bytesOut = end.bytes;
        resolve(end);
      };
      const relay = new Relay(response, isHttp2(request), ended);
      try {
        const { method = '', url: path = '' } = request;
        upstream.pool.dispatch({ method: method as 'GET', path, headers, body }, relay);
      } catch (error) {
        // What undici will not send.
        relay.onResponseError(undefined as never, error as Error);
      }
    });
  }

  #failed(exchange: Exchange, response: NodeResponse, end: RelayEnd): void {
    const { error } = end;
    if (error instanceof BodyRefusedError) {
      exchange.verdict = error.refusal;
      exchange.fault = undefined;
      if (!response.headersSent) {
        refuse(this.#options.verifier, error.refusal, exchange.request, response);
        return;
      }
    }
    sendProblem(response, exchange.fault ?? 'upstream_unavailable');
  }

  readonly #fields = (exchange: Exchange, caller: Accepted): string[] => {
    const { request } = exchange;
    const { isTrusted, resign } = this.#options;
    const { credential, group, signedHeaders } = caller.identity;
    const own: Record<string, string> = { 'X-Countersign-Credential': credential };
    if (group !== undefined) own['X-Countersign-Group'] = group;
    own['X-Countersign-Signed-Headers'] = signedHeaders.join(';');
    if (request.headers['x-request-id'] === undefined) own['X-Request-Id'] = exchange.id;
    const fields = forwardedFields(request.rawHeaders, {
      signed: signedHeaders,
      peer: exchange.peer,
      trusted: isTrusted?.(exchange.peer) === true,
      secure: (request.socket as { encrypted?: boolean }).encrypted === true,
      host: hostOf(request),
      own,
    });
    return resign === undefined ? fields : resigned(resign, request, fields);
  };

  #refusePayload(exchange: Exchange, response: NodeResponse, fault: PayloadFault): void {
    exchange.payloadFault = fault;
    const { status, headers, body } = answerPayloadFault(fault);
    (response as { writeHead(status: number, headers: object): unknown }).writeHead(status, {
      ...headers,
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(body);
  }

  #throttled(exchange: Exchange, response: NodeResponse, seconds: number): void {
    exchange.fault = 'throttled';
    sendProblem(response, 'throttled', seconds);
  }

  #tell(exchange: Exchange): void {
    try {
      this.#options.onExchange?.(exchange);
    } catch {
      // Whoever watches must not decide.
    }
  }
}

function hostOf(request: NodeRequest): string {
  return (request.headers[':authority'] as string | undefined) ?? request.headers.host ?? '';
}

/** The verified body, or the one that is verified while it is passed on. */
function bodyFor(
  request: NodeRequest,
  caller: Accepted,
  spooled: SpooledBody | undefined,
): Buffer | Readable | null {
  if (spooled !== undefined) return spooled.bytes ?? spooled.stream();
  if (caller.body.length > 0)
    return Buffer.from(caller.body.buffer, caller.body.byteOffset, caller.body.length);
  return mayFollow(request) ? request : null;
}

/** Only where the next one can be asked for the first time: nothing was sent, and all of the body is still there. */
function canRetry({ error, begun }: RelayEnd, body: Buffer | Readable | null): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  const neverSent =
    code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'EHOSTUNREACH';
  return !begun && neverSent && (body === null || Buffer.isBuffer(body));
}
