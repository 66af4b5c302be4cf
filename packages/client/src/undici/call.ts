import type { Duplex } from 'node:stream';
import { errors } from 'undici';
import { type Controller, type Handler, modernHandler, type ResponseFields } from './handler.js';
import { Relay } from './relay.js';

/**
 * One request of an application, from the moment it is asked for: it can be aborted while its body is read, while an answer is
 * judged and between attempts. Whoever asked hears of its start once and of its end once.
 */
export class Call implements Handler {
  readonly #handler: Handler;
  readonly #context: object = {};
  readonly #relay: Relay;
  #over = false;

  constructor(handler: Handler) {
    this.#handler = modernHandler(handler);
    this.#relay = new Relay((reason) => this.#abort(reason));
    this.#handler.onRequestStart?.(this.#relay, this.#context);
  }

  /** True once whoever asked has the whole answer, an error, or has aborted. */
  get over(): boolean {
    return this.#over;
  }

  /** Ends it before anything was sent. */
  fail(error: unknown): void {
    this.onResponseError(this.#relay, error as Error);
  }

  onRequestStart(controller: Controller, context: unknown): void {
    if (this.#over) {
      controller.abort(this.#relay.reason ?? new errors.RequestAbortedError());
      return;
    }
    this.#relay.target = controller;
    Object.assign(this.#context, context);
  }

  onRequestUpgrade(_: Controller, status: number, fields: ResponseFields, socket: Duplex): void {
    this.#over = true;
    this.#handler.onRequestUpgrade?.(this.#relay, status, fields, socket);
  }

  onResponseStart(
    _: Controller,
    status: number,
    fields: ResponseFields,
    message: string | undefined,
  ): void {
    if (this.#over) return;
    this.#handler.onResponseStarted?.();
    this.#handler.onResponseStart?.(this.#relay, status, fields, message);
  }

  onResponseData(_: Controller, chunk: Buffer): void {
    if (!this.#over) this.#handler.onResponseData?.(this.#relay, chunk);
  }

  onResponseEnd(_: Controller, trailers: ResponseFields): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#handler.onResponseEnd?.(this.#relay, trailers);
    } catch (error) {
      this.#over = false; // undici will tell of it as of any other error
      throw error;
    }
  }

  onResponseError(_: Controller, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.onResponseError?.(this.#relay, error);
  }

  #abort(reason: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const error = reason ?? new errors.RequestAbortedError();
    this.#handler.onResponseError?.(this.#relay, error);
    this.#relay.target?.abort(error);
  }
}
