import { Readable } from 'node:stream';
import { Refusal } from '@countersign/core';
import { BodyRefusedError } from '../body-refused-error.js';
import { GatheredBytes } from '../gathered-bytes.js';
import type { BodyLimits, BodySource } from '../request-view.js';
import type { BodyWatch } from '../stages/body-watch.js';
import type { NodeRequest, NodeRequestParts, NodeResponse } from './node-request.js';

const EMPTY = Buffer.alloc(0);

/**
 * The body of a request of Node, taken where it enters the stream: `push`, which the parser calls for each piece. So the
 * stream was never read, and hands the verified bytes to whoever reads it next: a body parser, a handler, `pipeline`.
 */
export function nodeBody(
  request: NodeRequest,
  response: NodeResponse | undefined,
  {
    advice = 'Verify before anything reads the body.',
    keepsRawBody = false,
  }: NodeRequestParts = {},
): BodySource {
  const unavailable = () =>
    wasTouched(request)
      ? new Refusal(
          'body_unavailable',
          `Something read the body before it could be verified. ${advice}`,
        )
      : undefined;
  return {
    read(limits) {
      const refusal = unavailable();
      if (refusal !== undefined) return refusal;
      if (isHere(request)) return readHere(request, keepsRawBody);
      return readAll(request, limits);
    },
    watch(watch, limits) {
      const refusal = unavailable();
      if (refusal !== undefined) return refusal;
      if (isHere(request)) {
        const bytes = readHere(request, keepsRawBody);
        const first = watch.take(bytes);
        const last = first instanceof Refusal ? first : watch.end();
        return last instanceof Refusal ? last : undefined;
      }
      watchAll(request, response, watch, limits);
      return undefined;
    },
  };
}

/** True while a body is handed on of which more is to come. */
export function isHandedOn(request: NodeRequest): boolean {
  return request.push !== Readable.prototype.push;
}

function wasTouched(request: NodeRequest): boolean {
  const isRead = request.readableDidRead || request.readableEnded;
  return isRead || request.readableEncoding !== null || request.listenerCount('data') > 0;
}

/** Has the parser's pieces, `null` at the end, go to `take` instead of the stream. What is there already goes first. */
function divert(request: Readable, take: (piece: Buffer | null) => boolean): void {
  const early = request.readableLength > 0 ? (request.read() as Buffer | null) : null;
  request.push = take;
  if (early !== null) take(early);
  request.read(0);
}

/** Ends the diversion. The empty piece tells the stream that what it asked for has come. */
function restore(request: Readable): void {
  const { push } = Readable.prototype;
  if (request.push === push) return;
  request.push = push; // deleting it would make every later access to the request slow
  request.push(EMPTY);
}

// Whatever happens to the stream later, an unheard 'error' would end the process.
const ignore = (): void => {};

/** True if nothing more will be pushed. What is there must be given back at once, or the stream would end. */
function isHere(request: NodeRequest): boolean {
  return request.httpVersionMajor === 1 && 'complete' in request && request.complete;
}

function readHere(request: NodeRequest & { rawBody?: Buffer }, keepsRawBody: boolean): Buffer {
  const bytes = (request.readableLength > 0 ? (request.read() as Buffer | null) : null) ?? EMPTY;
  if (bytes.length > 0) request.unshift(bytes);
  if (keepsRawBody) request.rawBody = bytes;
  return bytes;
}

function readAll(
  request: NodeRequest,
  { maxBytes, timeout }: BodyLimits,
): Promise<Uint8Array | Refusal> {
  return new Promise((resolve) => {
    const gathered = new GatheredBytes<Buffer>(Buffer.allocUnsafeSlow);
    let settled = false;
    const settle = (result: Uint8Array | Refusal) => {
      settled = true;
      clearTimeout(timer);
      restore(request);
      resolve(result);
    };
    const lost = () => {
      if (settled) return;
      settle(new Refusal('body_incomplete', 'The connection ended before the body did.'));
    };
    let timer: NodeJS.Timeout | undefined;
    const late = () => {
      request.pause();
      settle(new Refusal('body_timeout', `The body did not arrive within ${timeout} ms.`));
    };
    // A body that came with its head is there by then, and needs no timer.
    setImmediate(() => {
      if (!settled) timer = setTimeout(late, timeout);
    });
    if (request.destroyed) {
      lost();
      return;
    }
    request.on('close', lost).on('error', ignore);
    divert(request, (piece) => {
      if (piece === null) {
        const bytes = gathered.bytes();
        settle(bytes);
        if (bytes.length > 0) request.push(bytes);
        request.push(null);
        return false;
      }
      gathered.add(piece);
      if (gathered.size <= maxBytes) return true;
      request.pause();
      settle(new Refusal('body_too_large', `The body has more than ${maxBytes} bytes.`));
      return false;
    });
  });
}

function watchAll(
  request: NodeRequest,
  response: NodeResponse | undefined,
  watch: BodyWatch,
  { timeout }: BodyLimits,
): void {
  const push = (piece: Uint8Array | null) => Readable.prototype.push.call(request, piece);
  const done = () => clearTimeout(timer);
  const fail = (refusal: Refusal) => {
    done();
    restore(request);
    // The connection stays: the handler, which gets the error, may still answer. An unheard 'error' would end the process.
    request._destroy = (error, close) => close(request.listenerCount('error') === 0 ? null : error);
    request.destroy(new BodyRefusedError(refusal));
    const isOpen =
      response !== undefined && !response.headersSent && request.httpVersionMajor === 1;
    if (isOpen && !request.complete) response.setHeader('Connection', 'close');
    return false;
  };
  const timer = setTimeout(() => {
    fail(
      watch.refuse(new Refusal('body_timeout', `The body did not arrive within ${timeout} ms.`)),
    );
  }, timeout);
  request.once('close', done);
  const take = (piece: Buffer | null) => {
    const seen = piece === null ? watch.end() : watch.take(piece);
    if (seen instanceof Refusal) return fail(seen);
    if (piece !== null) return seen === undefined ? true : push(seen);
    done();
    restore(request); // HTTP/2 tells the end once more when its stream closes
    if (seen !== undefined) push(seen);
    return push(null);
  };
  divert(request, take);
}
