import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Accepted, Verifier } from '@countersign/server';
import { endWithAnswer, nodeRequestView } from '@countersign/server/node';
import type { Dispatcher } from 'undici';
import type { Exchange } from './exchange.js';
import { unforwardable } from './forwarded-fields.js';
import { type GatewayCode, problemOf } from './problem.js';
import { faultOf, responseFields } from './relay.js';
import type { Upstreams } from './upstreams.js';

export interface UpgradeOptions {
  readonly verifier: Verifier;
  readonly upstreams: Upstreams;
  readonly exchange: Exchange;
  /** Seconds that the caller has to stay away, if it has. */
  readonly away: number | undefined;
  readonly fields: (exchange: Exchange, caller: Accepted) => string[];
}

/**
 * Verifies a request that begins another protocol, such as WebSocket, and joins the two connections if upstream agrees.
 * A presigned URL is good for what it names, not for all that its holder would say then.
 */
export async function upgradeThrough(
  { verifier, upstreams, exchange, away, fields }: UpgradeOptions,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  const { request } = exchange;
  const say = (fault: GatewayCode, retryAfter?: number) => {
    const answer = problemOf(fault, retryAfter);
    Object.assign(exchange, { fault, status: answer.status });
    const { 'Content-Length': _, ...headers } = answer.headers;
    endWithAnswer(socket, { ...answer, headers });
  };
  if (away !== undefined) return say('throttled', away);
  const verdict =
    unforwardable(request.rawHeaders) ??
    (await verifier.route({ presigned: false }).verify(nodeRequestView(request)));
  exchange.verdict = verdict;
  if (verdict.verdict === 'refused') {
    const answer = verifier.answer(verdict);
    exchange.status = answer.status;
    return endWithAnswer(socket, answer);
  }
  const fail = (error: Error, fault = faultOf(error)) => {
    exchange.error = error;
    say(fault);
  };
  const upstream = upstreams.next();
  if (upstream === undefined) return fail(new Error('no upstream'));
  exchange.upstream = upstream.origin;
  const { method = '', url: path = '' } = request;
  const upgrade = request.headers.upgrade as string;
  const handler = new Joiner({ socket, head, exchange, upgrade, fail });
  try {
    const headers = fields(exchange, verdict);
    upstream.dispatch({ method: method as 'GET', path, headers, upgrade }, handler);
  } catch (error) {
    fail(error as Error);
  }
}

interface Joining {
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly exchange: Exchange;
  /** The protocol that was asked for. */
  readonly upgrade: string;
  readonly fail: (error: Error, fault?: GatewayCode) => void;
}

class Joiner implements Dispatcher.DispatchHandler {
  readonly #joining: Joining;
  #answer: { status: number; body: string; headers: Record<string, string> } | undefined;
  #body = '';

  constructor(joining: Joining) {
    this.#joining = joining;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#joining.socket.destroyed) controller.abort(new Error('the caller has gone'));
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string>,
    upstream: Duplex,
  ): void {
    const { socket, head, exchange, upgrade, fail } = this.#joining;
    // No event would come that closes the other end.
    if (socket.destroyed) {
      upstream.destroy();
      return;
    }
    if (status !== 101 || headers.upgrade?.toLowerCase() !== upgrade.toLowerCase()) {
      upstream.destroy();
      fail(new RangeError('another protocol than was asked for'), 'upstream_malformed');
      return;
    }
    exchange.status = status;
    const fields = responseFields(controller.rawHeaders, headers, false) as string[];
    const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'Connection: Upgrade'];
    lines.push(`Upgrade: ${upgrade}`);
    for (let i = 0; i + 1 < fields.length; i += 2) lines.push(`${fields[i]}: ${fields[i + 1]}`);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    if (head.length > 0) upstream.write(head);
    upstream.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    upstream.pipe(socket);
    socket.pipe(upstream);
  }

  // Upstream did not agree: its answer is told, as far as it is short.
  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: object): void {
    if (status < 200) return;
    const type = (headers as Record<string, string>)['content-type'];
    this.#answer = {
      status,
      body: '',
      headers: type === undefined ? {} : { 'Content-Type': type },
    };
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body += chunk.toString('latin1');
    if (this.#body.length > 64 * 1024) controller.abort(new Error('too long an answer'));
  }

  onResponseEnd(): void {
    if (this.#answer === undefined) return;
    this.#joining.exchange.status = this.#answer.status;
    endWithAnswer(this.#joining.socket, { ...this.#answer, body: this.#body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#joining.fail(error);
  }
}
