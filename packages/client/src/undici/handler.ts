import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';

/** What undici tells of one request: its start, its response, its end. */
export type Handler = Dispatcher.DispatchHandler;

/** What a handler can do about a request. */
export type Controller = Dispatcher.DispatchController;

/** Fields of a response by their lower-case names. */
export type ResponseFields = Record<string, string | string[] | undefined>;

/** The lines of a response: name, value, name, value …, as on the wire where undici kept them. */
export function rawLines(raw: unknown, fields: ResponseFields): string[] {
  if (Array.isArray(raw) && raw.length > 0) {
    return (raw as (Uint8Array | string)[]).map((part) =>
      typeof part === 'string' ? part : Buffer.from(part).toString('latin1'),
    );
  }
  return Object.entries(fields).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((each) => [name, each]),
  );
}

/** The field as `Headers` would give it. */
export function fieldOf(fields: ResponseFields, name: string): string | undefined {
  const value = fields[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * A handler of undici 7 and later around one of the kind before, such as that of the fetch that comes with Node.
 *
 * undici 8 no longer takes the old kind, and undici 7 would join the Set-Cookie lines of a response.
 */
export function modernHandler(handler: Handler): Handler {
  return typeof handler.onRequestStart === 'function' ? handler : new Modern(handler);
}

class Modern implements Handler {
  readonly #old: Handler;

  constructor(old: Handler) {
    this.#old = old;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    const start = this.#old.onConnect as ((abort: unknown, context: unknown) => void) | undefined;
    start?.call(this.#old, (reason: Error) => controller.abort(reason), context);
  }

  onRequestUpgrade(
    controller: Controller,
    status: number,
    fields: ResponseFields,
    socket: Duplex,
  ): void {
    this.#old.onUpgrade?.(status, buffers(controller.rawHeaders, fields), socket);
  }

  onResponseStarted(): void {
    this.#old.onResponseStarted?.();
  }

  onResponseStart(
    controller: Controller,
    status: number,
    fields: ResponseFields,
    message?: string,
  ): void {
    const lines = buffers(controller.rawHeaders, fields);
    const resume = () => controller.resume();
    if (this.#old.onHeaders?.(status, lines, resume, message ?? '') === false) controller.pause();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#old.onData?.(chunk) === false) controller.pause();
  }

  onResponseEnd(controller: Controller, trailers: ResponseFields): void {
    const lines = buffers(controller.rawTrailers, trailers);
    this.#old.onComplete?.(lines as unknown as string[]); // undici gives Buffers, whatever its types say
  }

  onResponseError(_: Controller, error: Error): void {
    if (this.#old.onError === undefined) throw error;
    this.#old.onError(error);
  }
}

function buffers(raw: unknown, fields: ResponseFields): Buffer[] {
  return rawLines(raw, fields).map((text) => Buffer.from(text, 'latin1'));
}
