import type { Duplex } from 'node:stream';
import { canonicalTarget } from '@countersign/core';
import { type Accepted, BodyRefusedError, type Verifier } from '@countersign/server';
import {
  admit,
  hasBody,
  type NodeRequest,
  type NodeResponse,
  refuse,
} from '@countersign/server/node';
import type { Policy } from '@countersign/server/policy';
import { answerPayloadFault, type PayloadFault } from '../payload/payload.js';
import { Busy } from './busy.js';
import { callerAddress, type IsTrusted } from './caller-address.js';
import { asSigned } from './disguised-fields.js';
import { type Exchange, exchangeOf, type OnExchange, tell } from './exchange.js';
import { forwardedFields, unforwardable } from './forwarded-fields.js';
import { isHandshake, UPGRADES } from './handshake.js';
import { payloadFaultOf } from './payload-of.js';
import { sendProblem } from './problem.js';
import { REPLACED, type Resign, resigned, resignedTarget } from './resign.js';
import { SPOOL, SpooledBody, type SpoolOptions } from './spooled-body.js';
import { upgradeThrough } from './upgrade.js';
import { callUpstream, type UpstreamCall } from './upstream-call.js';
import type { Upstreams } from './upstreams.js';

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
  /** Protocols that a connection may be turned into, in lower case; `websocket` alone unless given. */
  readonly upgrades?: readonly string[] | undefined;
  /** Which peers' forwarded fields are continued; nobody's unless given. */
  readonly isTrusted?: IsTrusted | undefined;
  /** Signs what is passed on with a key of the gateway's own. */
  readonly resign?: Resign | undefined;
  /** The policy of the verifier, for its rules on payloads. */
  readonly policy?: Policy | undefined;
  /** Decides before anything else whether the caller is listened to at all; the seconds to stay away if not. */
  readonly throttle?: ((address: string | undefined) => number | undefined) | undefined;
  readonly onExchange?: OnExchange | undefined;
}

/** Listeners of a server: see `attachReverseProxy`. */
export interface ReverseProxy {
  readonly onRequest: (request: NodeRequest, response: NodeResponse) => void;
  /** True if {@link onUpgrade} is for it; whatever else asks for another protocol is answered like any request. */
  readonly joins: (request: NodeRequest) => boolean;
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
    joins: (request) => isHandshake(request, options.upgrades ?? UPGRADES),
    onUpgrade: (request, socket, head) =>
      void proxy.busy.during(proxy.upgrade(request, socket, head)),
    idle: () => proxy.busy.idle(),
  };
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
    const exchange = this.#begin(request);
    response.once('close', () => {
      exchange.status = exchange.status || response.statusCode;
      tell(this.#options.onExchange, exchange);
    });
    try {
      await this.#answer(exchange, response);
    } catch (error) {
      Object.assign(exchange, { fault: 'gateway_failed', error });
      sendProblem(response, 'gateway_failed');
    }
  }

  async upgrade(request: NodeRequest, socket: Duplex, head: Buffer): Promise<void> {
    const exchange = this.#begin(request);
    socket.once('close', () => tell(this.#options.onExchange, exchange));
    const away = this.#options.throttle?.(exchange.caller);
    await upgradeThrough({ ...this.#options, exchange, away, fields: this.#fields }, socket, head);
  }

  #begin(request: NodeRequest): Exchange {
    const exchange = exchangeOf(request);
    const { 'x-forwarded-for': told } = request.headers;
    exchange.caller = callerAddress(exchange.peer, told, this.#options.isTrusted);
    return exchange;
  }

  async #answer(exchange: Exchange, response: NodeResponse): Promise<void> {
    const { request } = exchange;
    const away = this.#options.throttle?.(exchange.caller);
    if (away !== undefined) {
      exchange.fault = 'throttled';
      sendProblem(response, 'throttled', away);
      return;
    }
    const { verifier, body } = this.#wayOf(request);
    const fault = unforwardable(request.rawHeaders);
    if (fault !== undefined) {
      exchange.verdict = fault;
      refuse(verifier, fault, request, response);
      return;
    }
    try {
      const admission = await admit(verifier, request, response, { body }, (refusal) => {
        exchange.verdict = refusal;
      });
      const caller = admission?.caller;
      if (caller === undefined) return;
      exchange.verdict = caller;
      const found = payloadFaultOf(this.#options.policy, request, caller, body);
      if (found !== undefined) refusePayload(exchange, response, found);
      else {
        const { maxResponseBytes: holdBytes } = verifier;
        await this.#forward({ exchange, response, caller, spooled: body, holdBytes });
      }
    } finally {
      await body?.discard();
    }
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

  async #forward(call: Omit<UpstreamCall, 'target' | 'fields'>): Promise<void> {
    const { exchange, response, caller } = call;
    const { upstreams, resign } = this.#options;
    const { request } = exchange;
    const target = resign === undefined ? (request.url ?? '') : resignedTarget(request);
    const fields = this.#fields(exchange, caller);
    const end = await callUpstream(upstreams, { ...call, target, fields });
    if (end !== undefined && end.fault === undefined) return;
    const { fault = 'upstream_unavailable', error } = end ?? {};
    if (error instanceof BodyRefusedError) {
      exchange.verdict = error.refusal;
      if (!response.headersSent) {
        refuse(this.#options.verifier, error.refusal, request, response);
        return;
      }
    } else Object.assign(exchange, { fault, error });
    sendProblem(response, fault);
  }

  readonly #fields = (exchange: Exchange, caller: Accepted): string[] => {
    const { request } = exchange;
    const { isTrusted, resign } = this.#options;
    const { credential, group, signedHeaders } = caller.identity;
    const own: Record<string, string> = { 'X-Countersign-Credential': credential };
    // One that is signed anew says so too if there is none: a field that nobody signed could be added on the way.
    if (group !== undefined || resign !== undefined) own['X-Countersign-Group'] = group ?? '';
    const trusted = isTrusted?.(exchange.peer) === true;
    const isPassed = (name: string) =>
      !(resign !== undefined && REPLACED.has(name)) &&
      // What was signed then is X-Forwarded-Host.
      !(trusted && name === 'host' && request.headers['x-forwarded-host'] !== undefined);
    own['X-Countersign-Signed-Headers'] = asSigned(signedHeaders).filter(isPassed).join(';');
    if (request.headers['x-request-id'] === undefined) own['X-Request-Id'] = exchange.id;
    const fields = forwardedFields(request.rawHeaders, {
      signed: signedHeaders,
      peer: exchange.peer,
      trusted,
      secure: (request.socket as { encrypted?: boolean }).encrypted === true,
      host: hostOf(request),
      own,
    });
    return resign === undefined ? fields : resigned(resign, request, fields);
  };
}

function refusePayload(exchange: Exchange, response: NodeResponse, fault: PayloadFault): void {
  exchange.payloadFault = fault;
  const { status, headers, body } = answerPayloadFault(fault);
  (response as { writeHead(status: number, headers: object): unknown }).writeHead(status, {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

function hostOf(request: NodeRequest): string {
  return (request.headers[':authority'] as string | undefined) ?? request.headers.host ?? '';
}
