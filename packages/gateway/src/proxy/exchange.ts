import { randomUUID } from 'node:crypto';
import type { Accepted, Refusal } from '@countersign/server';
import type { NodeRequest } from '@countersign/server/node';
import type { ForwardAuthCode } from '../forward-auth/fault.js';
import type { PayloadFault } from '../payload/payload.js';
import type { GatewayCode } from './problem.js';

/** One request through the gateway, as it is told to logs and metrics. */
export interface Exchange {
  /** Of a forward-auth endpoint, the one that the proxy in front makes. */
  readonly request: NodeRequest;
  /** Names it in the log, and to upstream. */
  readonly id: string;
  /** Milliseconds of `performance.now()`. */
  readonly start: number;
  /** What was asked, of the gateway or of the proxy in front. */
  method: string;
  target: string;
  /** Address of the peer. */
  readonly peer: string | undefined;
  /** Address of the caller, which nobody has verified; `undefined` if it cannot be told. */
  caller: string | undefined;
  verdict: Accepted | Refusal | undefined;
  payloadFault: PayloadFault | undefined;
  /** What the gateway answered in place of upstream, or of a verifier. */
  fault: GatewayCode | ForwardAuthCode | undefined;
  /** What the fault came of. */
  error: Error | undefined;
  /** Who was asked, `http://127.0.0.1:9000`. */
  upstream: string | undefined;
  /** Milliseconds from when upstream was asked to the end of its answer. */
  upstreamTime: number | undefined;
  /** Status of the answer. */
  status: number;
  bytesIn: number;
  bytesOut: number;
}

/** Is told of every request once it is answered. What it throws changes nothing. */
export type OnExchange = (exchange: Exchange) => void;

export function exchangeOf(request: NodeRequest): Exchange {
  const peer = request.socket?.remoteAddress;
  return {
    request,
    id: randomUUID(),
    start: performance.now(),
    method: request.method ?? '',
    target: request.url ?? '',
    peer,
    caller: peer,
    verdict: undefined,
    payloadFault: undefined,
    fault: undefined,
    error: undefined,
    upstream: undefined,
    upstreamTime: undefined,
    status: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
}

/** Whoever watches must not decide. */
export function tell(onExchange: OnExchange | undefined, exchange: Exchange): void {
  try {
    onExchange?.(exchange);
  } catch {
    // Nobody else is to know.
  }
}
