import { randomUUID } from 'node:crypto';
import type { Accepted, Refusal } from '@countersign/server';
import type { NodeRequest } from '@countersign/server/node';
import type { PayloadFault } from '../payload/payload.js';
import type { GatewayCode } from './problem.js';

/** One request through the gateway, as it is told to logs and metrics. */
export interface Exchange {
  readonly request: NodeRequest;
  /** Names it in the log, and to upstream. */
  readonly id: string;
  /** Milliseconds of `performance.now()`. */
  readonly start: number;
  /** Address of the peer. */
  readonly peer: string | undefined;
  verdict: Accepted | Refusal | undefined;
  payloadFault: PayloadFault | undefined;
  /** What the gateway answered in place of upstream. */
  fault: GatewayCode | undefined;
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
  return {
    request,
    id: randomUUID(),
    start: performance.now(),
    peer: request.socket?.remoteAddress,
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
