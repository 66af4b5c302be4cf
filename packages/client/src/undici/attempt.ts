import type { Duplex } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import type { ReadyBody } from '../body.js';
import type { Exchange } from '../exchange.js';
import { type BodyFate, bodyStream } from '../node/body-stream.js';
import { Fields } from '../node/fields.js';
import { allowed } from '../origins.js';
import { CONTENT_FIELDS } from '../redirect.js';
import { parseRequestUrl } from '../request-url.js';
import type { Call } from './call.js';
import {
  type Controller,
  fieldOf,
  type Handler,
  type ResponseFields,
  rawLines,
} from './handler.js';
import { Relay } from './relay.js';

/** What all attempts at one request have in common. */
export interface Plan {
  readonly dispatch: Dispatcher.Dispatch;
  readonly call: Call;
  readonly exchange: Exchange;
  readonly origins: ReadonlySet<string>;
  readonly requireSigned: boolean;
  /** Of the first attempt; a redirect may lead to another one. */
  readonly method: string;
}

interface Held {
  readonly status: number;
  readonly fields: ResponseFields;
  readonly lines: string[];
  readonly message: string | undefined;
  readonly most: number;
  readonly chunks: Buffer[];
  size: number;
}

const NO_BODY: ReadyBody = { bytes: undefined, digested: undefined, type: undefined };

/** The innermost dispatch: each call of it signs anew. Bodies have to be ready. */
export function signing(plan: Plan): Dispatcher.Dispatch {
  return (options, handler) => {
    new Attempt(plan, options, handler).send();
    return true;
  };
}

/** The origin of a request; throws a TypeError if it is not among those that may be called. */
export function originOf(
  { origin }: Dispatcher.DispatchOptions,
  origins: ReadonlySet<string>,
): string {
  const text = String(origin);
  if (origin === undefined || !URL.canParse(text)) {
    throw new TypeError('origin: give it with every request, such as "https://api.example.com"');
  }
  return allowed(new URL(text), origins).origin;
}

/** One signed attempt. What it ends with itself is never tried again: its controller says that it was aborted. */
class Attempt implements Handler {
  readonly #plan: Plan;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #handler: Handler;
  readonly #relay = new Relay((reason) => this.#relay.target?.abort(reason));
  readonly #fate: BodyFate = {};
  #held: Held | undefined;
  #over = false;

  constructor(plan: Plan, options: Dispatcher.DispatchOptions, handler: Handler) {
    this.#plan = plan;
    this.#options = options;
    this.#handler = handler;
  }

  send(): void {
    if (this.#plan.call.over) return; // aborted while a retry waited
    try {
      this.#plan.dispatch(this.#signed(), this);
    } catch (error) {
      this.#fail(error);
    }
  }

  #signed(): Dispatcher.DispatchOptions {
    const { exchange, origins, method: firstMethod } = this.#plan;
    const options = this.#options;
    const { method, path } = options;
    const origin = originOf(options, origins);
    if (!path.startsWith('/')) throw new TypeError('path: expected one that begins with "/"');
    const { target } = parseRequestUrl(origin + path);
    const { bytes, digested } = (options.body ?? NO_BODY) as ReadyBody;
    const fields = new Fields(options.headers);
    if (method !== firstMethod) {
      for (const name of [...CONTENT_FIELDS, 'content-length']) fields.delete(name);
    }
    if (digested?.length !== undefined) fields.set('content-length', String(digested.length));
    const lines = fields.pairs();
    const request = { method, url: origin + target, headers: lines, body: bytes };
    const signature = exchange.sign({ ...request, digest: digested?.digest });
    return {
      ...options,
      origin,
      path: target,
      headers: [...lines, ...Object.entries(signature)].flat(),
      body: digested === undefined ? (bytes ?? null) : bodyStream(digested, this.#fate),
    };
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#relay.target = controller;
    if (this.#plan.call.over) controller.abort(new errors.RequestAbortedError());
    else this.#handler.onRequestStart?.(this.#relay, context);
  }

  onRequestUpgrade(_: Controller, status: number, fields: ResponseFields, socket: Duplex): void {
    this.#handler.onRequestUpgrade?.(this.#relay, status, fields, socket);
  }

  onResponseStart(
    controller: Controller,
    status: number,
    fields: ResponseFields,
    message?: string,
  ): void {
    const { exchange, requireSigned } = this.#plan;
    if (status < 200 && requireSigned) return; // nobody signs what is only informational
    const head = { status, get: (name: string) => fieldOf(fields, name) };
    const most = status < 200 ? undefined : exchange.wants(head);
    if (most === undefined) {
      this.#handler.onResponseStart?.(this.#relay, status, fields, message);
    } else {
      const lines = rawLines(controller.rawHeaders, fields);
      this.#held = { status, fields, lines, message, most, chunks: [], size: 0 };
    }
  }

  onResponseData(_: Controller, chunk: Buffer): void {
    const held = this.#held;
    if (this.#over) return;
    if (held === undefined) {
      this.#handler.onResponseData?.(this.#relay, chunk);
      return;
    }
    held.size += chunk.length;
    if (held.size <= held.most) held.chunks.push(chunk);
    else void this.#judge(held, undefined, {});
  }

  onResponseEnd(_: Controller, trailers: ResponseFields): void {
    if (this.#over) return;
    this.#relay.arrived = true;
    if (this.#held === undefined) this.#handler.onResponseEnd?.(this.#relay, trailers);
    else void this.#judge(this.#held, Buffer.concat(this.#held.chunks), trailers);
  }

  onResponseError(_: Controller, error: Error): void {
    if (this.#over) return;
    if ('fault' in this.#fate) {
      this.#fail(this.#fate.fault);
    } else {
      this.#over = true;
      this.#handler.onResponseError?.(this.#relay, error);
    }
  }

  async #judge(held: Held, body: Buffer | undefined, trailers: ResponseFields): Promise<void> {
    this.#over = true;
    const { exchange, call } = this.#plan;
    try {
      const again = await exchange.judge({ status: held.status, headers: held.lines }, body);
      if (body === undefined) throw new RangeError('response: longer than its Content-Length');
      if (call.over) return;
      if (again) new Attempt(this.#plan, this.#options, this.#handler).send();
      else this.#release(held, trailers);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** As undici would have: what a handler throws is an error of the request. */
  #release(held: Held, trailers: ResponseFields): void {
    try {
      this.#handler.onResponseStart?.(this.#relay, held.status, held.fields, held.message);
      for (const chunk of held.chunks) this.#handler.onResponseData?.(this.#relay, chunk);
      this.#handler.onResponseEnd?.(this.#relay, this.#plan.requireSigned ? {} : trailers);
    } catch (error) {
      this.#handler.onResponseError?.(this.#relay, error as Error);
    }
  }

  #fail(error: unknown): void {
    this.#over = true;
    this.#relay.abort(error as Error);
    this.#handler.onResponseError?.(this.#relay, error as Error);
  }
}
