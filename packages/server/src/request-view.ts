import type { RawHeaders, Refusal } from '@countersign/core';
import type { BodyWatch } from './stages/body-watch.js';

/** A value, or a promise of it. A stage awaits only what really is a promise. */
export type MaybePromise<T> = T | Promise<T>;

/** The one shape every adapter turns its framework's request into. Raw: nothing decoded, joined, sorted or dropped. */
export interface RequestView {
  /** As sent, case kept. */
  readonly method: string;
  /** As on the request line: origin-form, not decoded, not cut by a mounted router. */
  readonly target: string;
  /** Name, value, name, value …, as on the wire (Node's `rawHeaders`). In HTTP/2 `:authority` is `host`. */
  readonly headers: RawHeaders;
  /** The bytes that arrived, or how to read them; left out where nothing arrived. */
  readonly body?: Uint8Array | BodySource | undefined;
  /** Address of the peer, for rules on addresses. */
  readonly remoteAddress?: string | undefined;
  /** True if the caller came over HTTPS, for rules that ask for it; left out where that is not known. */
  readonly secure?: boolean | undefined;
  /** How many header fields the server passes on before it drops the rest, if it does that. */
  readonly maxHeaders?: number | undefined;
}

/** A body that is still to be read, once: nothing is read of a request whose headers are refused. */
export interface BodySource {
  /**
   * Reads to the end.
   *
   * @returns the bytes, or a refusal with `body_too_large`, `body_timeout`, `body_incomplete` or `body_unavailable`
   */
  read(limits: BodyLimits): MaybePromise<Uint8Array | Refusal>;
  /**
   * From now on passes each piece through `watch` before anybody sees it, and ends the body with an error if the watch
   * refuses. Left out where a body cannot be handed on while it arrives.
   *
   * @returns a refusal with `body_unavailable` if it is too late for that
   */
  watch?(watch: BodyWatch, limits: BodyLimits): Refusal | undefined;
  /**
   * Reads to the end, passes each piece through `watch` and keeps it elsewhere than in memory; called in place of `read` where
   * it is given. The accepted request has an empty `body` then, and whoever gave the source knows where the bytes are.
   *
   * @returns the first refusal of the watch, or one with `body_timeout`, `body_incomplete` or `body_unavailable`
   */
  drain?(watch: BodyWatch, limits: BodyLimits): Promise<Refusal | undefined>;
}

/** What a body may cost. */
export interface BodyLimits {
  /** Most bytes that are taken. */
  readonly maxBytes: number;
  /** Milliseconds from the first read to the last byte. */
  readonly timeout: number;
}

export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** The same promise, rejected once it is silent for too long: what hangs must not hang the request. */
export function inTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${milliseconds} ms`)),
      milliseconds,
    );
    // A thenable that is no Promise is taken too.
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
