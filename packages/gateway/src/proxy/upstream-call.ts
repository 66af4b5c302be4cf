import type { Readable } from 'node:stream';
import type { Accepted } from '@countersign/server';
import { isHttp2, type NodeRequest, type NodeResponse } from '@countersign/server/node';
import type { Exchange } from './exchange.js';
import { mayFollow } from './payload-of.js';
import { Relay, type RelayEnd } from './relay.js';
import type { SpooledBody } from './spooled-body.js';
import type { Upstream, Upstreams } from './upstreams.js';

/** A verified request on its way to the service. */
export interface UpstreamCall {
  readonly exchange: Exchange;
  readonly response: NodeResponse;
  readonly caller: Accepted;
  /** Its body, where it was kept until it was verified. */
  readonly spooled: SpooledBody | undefined;
  /** Most bytes of the answer, if that must be whole before it is passed on. */
  readonly holdBytes: number | undefined;
  /** Its target, as it is passed on. */
  readonly target: string;
  /** What it is passed on with: name, value, name, value … */
  readonly fields: string[];
}

/**
 * Passes a request to a server of the service and its answer to the caller. Where nobody listens, the next one is asked.
 *
 * @returns how it ended; `undefined` if there is nobody to ask
 */
export async function callUpstream(
  upstreams: Upstreams,
  call: UpstreamCall,
): Promise<RelayEnd | undefined> {
  const { exchange, caller, spooled } = call;
  const tried: Upstream[] = [];
  let end: RelayEnd | undefined;
  exchange.bytesIn = spooled?.size ?? caller.body.length;
  for (;;) {
    const upstream = upstreams.next(tried);
    if (upstream === undefined) return end;
    tried.push(upstream);
    const body = bodyFor(exchange.request, caller, spooled);
    end = await ask(upstream, call, body);
    if (end.fault === undefined || !mayAskNext(end, body, exchange.request)) return end;
  }
}

function ask(
  upstream: Upstream,
  { exchange, response, holdBytes, target: path, fields: headers }: UpstreamCall,
  body: Buffer | Readable | null,
): Promise<RelayEnd> {
  const { request } = exchange;
  const start = performance.now();
  exchange.upstream = upstream.origin;
  return new Promise((resolve) => {
    const relay = new Relay(response, {
      http2: isHttp2(request),
      holdBytes,
      begun() {
        if (body !== request) return;
        // undici listens from now on as well, so that nothing flows before it does.
        request.on('data', (piece: Buffer) => {
          exchange.bytesIn += piece.length;
        });
      },
      ended(end) {
        exchange.upstreamTime = performance.now() - start;
        exchange.bytesOut = end.bytes;
        resolve(end);
      },
    });
    try {
      // undici takes a stream that is cut off already for an empty body, and sends it as a whole one.
      if (body === request && request.destroyed) throw request.errored ?? new Error('cut off');
      const { method = '' } = request;
      upstream.dispatch({ method: method as 'GET', path, headers, body }, relay);
    } catch (error) {
      // What undici will not send.
      relay.onResponseError(undefined as never, error as Error);
    }
  });
}

/** The verified body, or the one that is verified while it is passed on. */
function bodyFor(
  request: NodeRequest,
  { body }: Accepted,
  spooled: SpooledBody | undefined,
): Buffer | Readable | null {
  if (spooled !== undefined) return spooled.bytes ?? spooled.stream();
  if (body.length > 0) return Buffer.from(body.buffer, body.byteOffset, body.length);
  return mayFollow(request) ? request : null;
}

/** Only one who can be asked for the first time: nothing was sent, and all of the body is still there. */
function mayAskNext(
  { error, begun }: RelayEnd,
  body: Buffer | Readable | null,
  request: NodeRequest,
): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  const neverSent =
    code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'EHOSTUNREACH';
  return !begun && neverSent && body !== request;
}
