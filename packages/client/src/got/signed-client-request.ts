import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { ClientRules } from '../axios/client-options.js';
import { MAX_BODY_BYTES } from '../body.js';
import { ResponseFaultError } from '../response-fault-error.js';
import type { Signer } from '../signer.js';
import { send, type Unsigned } from './sending.js';

// What got listens to, besides the errors and the response.
const TOLD_ON = ['socket', 'continue', 'information', 'timeout'] as const;

// What was thrown here, and not by the network.
const refusals = new WeakSet<object>();

/** True if a request was not sent, or its answer not believed, for a reason of ours. */
export function isOwnFault(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && refusals.has(error);
}

export function own<T extends Error>(error: T): T {
  refusals.add(error);
  return error;
}

/**
 * Stands for a ClientRequest: takes the whole body, and only then signs and sends, so that what is signed is what is sent,
 * whatever hooks, handlers and streams have made of it.
 */
export class SignedClientRequest extends Writable {
  readonly #signer: Signer;
  readonly #rules: ClientRules;
  readonly #request: Unsigned;
  readonly #pieces: Buffer[] = [];
  /** The response, once there is one. */
  res: IncomingMessage | undefined;
  #size = 0;
  #timeout: number | undefined;
  #sending: ClientRequest | undefined;

  constructor(signer: Signer, rules: ClientRules, request: Unsigned) {
    super({ autoDestroy: false }); // it ends with the response, as a ClientRequest does
    this.#signer = signer;
    this.#rules = rules;
    this.#request = request;
  }

  get socket(): Socket | undefined {
    return this.#sending?.socket ?? undefined;
  }

  get reusedSocket(): boolean {
    return this.#sending?.reusedSocket === true;
  }

  /** Emits `timeout` once the socket was idle for as long, in milliseconds. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    this.#timeout = milliseconds;
    this.#sending?.setTimeout(milliseconds);
    return listener === undefined ? this : this.once('timeout', listener);
  }

  override _write(piece: Buffer, _: unknown, done: (error?: Error) => void): void {
    const { maxBodyBytes = MAX_BODY_BYTES } = this.#rules;
    this.#size += piece.length;
    this.#pieces.push(piece);
    done(
      this.#size > maxBodyBytes
        ? own(new RangeError(`body: more than ${maxBodyBytes} bytes are not held (maxBodyBytes)`))
        : undefined,
    );
  }

  override _final(done: (error?: Error) => void): void {
    const body = Buffer.concat(this.#pieces);
    const fault = lengthFault(this.#request, body);
    const sending =
      fault !== undefined
        ? Promise.reject(fault)
        : send(this.#signer, this.#rules, this.#request, body, {
            made: (request) => this.#made(request),
            sent: () => done(),
            failed: (error) =>
              this.destroy(error instanceof ResponseFaultError ? own(error) : error),
            answered: (response) => {
              this.res = response;
              this.emit('response', response);
            },
          });
    sending.catch((error: Error) => this.destroy(own(error)));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#sending?.on('error', () => {}).destroy();
    done(error);
  }

  #made(request: ClientRequest): void {
    this.#sending = request;
    if (this.#timeout !== undefined) request.setTimeout(this.#timeout);
    for (const event of TOLD_ON) {
      request.on(event, (...values: unknown[]) => this.emit(event, ...values));
    }
    if (this.destroyed) request.destroy();
  }
}

/** What was read before comes a second time as nothing, and must not be signed as such. */
function lengthFault({ options }: Unsigned, body: Uint8Array): TypeError | undefined {
  const fields = Object.entries(options.headers ?? {});
  const length = fields.find(([name]) => name.toLowerCase() === 'content-length')?.[1];
  if (length === undefined || Number(length) === body.length) return undefined;
  return new TypeError(`body: it has ${body.length} bytes, and Content-Length says ${length}`);
}
