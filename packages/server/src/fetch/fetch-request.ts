import { Refusal } from '@countersign/core';
import { BodyRefusedError } from '../body-refused-error.js';
import { GatheredBytes } from '../gathered-bytes.js';
import type { BodyLimits, BodySource, RequestView } from '../request-view.js';
import type { BodyWatch } from '../stages/body-watch.js';
import type { Accepted } from '../verdict.js';

type Pieces = ReadableStream<Uint8Array>;

const IMF_COMMA = /^[A-Z][a-z]{2}, [^,]+$/;

/** A request of the Fetch API as the pipeline sees it. */
export interface FetchRequestView extends RequestView {
  /** The stream that a watched body is handed on by. */
  handedOn(): Pieces | undefined;
}

/**
 * The request as far as the Fetch API tells. Fields that occur twice were joined, so a value with a comma counts as two; the
 * target is as the URL parser left it; a body that a GET had is hidden.
 *
 * @param remoteAddress - address of the peer, where the runtime tells it
 */
export function fetchRequestView(request: Request, remoteAddress?: string): FetchRequestView {
  const { method, url } = request;
  const host = url.indexOf('://') + 3;
  const path = url.indexOf('/', host);
  const headers: string[] = [];
  if (!request.headers.has('host')) headers.push('host', url.slice(host, path));
  for (const [name, value] of request.headers) addParted(headers, name, value);
  // These have none by the Fetch Standard, and to ask would make a stream on some runtimes.
  const isBodiless = method === 'GET' || method === 'HEAD';
  let handedOn: Pieces | undefined;
  const body: BodySource = {
    read: (limits) => (request.bodyUsed ? unavailable() : readAll(request.body as Pieces, limits)),
    watch(watch, limits) {
      if (request.bodyUsed) return unavailable();
      handedOn = watched(request.body as Pieces, watch, limits);
      return undefined;
    },
  };
  return {
    method,
    target: url.slice(path),
    headers,
    body: isBodiless || request.body === null ? undefined : body,
    remoteAddress,
    handedOn: () => handedOn,
  };
}

/**
 * Undoes what `Headers` did to fields that occur twice (Fetch Standard, "combine"). One with such a separator of its own is
 * taken apart as well: nobody can tell, and it must not pass for one. A date has its comma; Authorization is told by its syntax.
 */
function addParted(headers: string[], name: string, value: string): void {
  const separator = name === 'cookie' ? '; ' : ', ';
  const isWhole =
    name === 'authorization' ||
    !value.includes(separator) ||
    (/^(?:x-)?date$/.test(name) && IMF_COMMA.test(value));
  if (isWhole) headers.push(name, value);
  else for (const piece of value.split(separator)) headers.push(name, piece);
}

/** The same request for a handler, its body the verified one. */
export function verifiedRequest(
  request: Request,
  view: FetchRequestView,
  { body }: Accepted,
): Request {
  if (view.body === undefined) return request;
  const stream = view.handedOn();
  const init: RequestInit & { duplex?: 'half' } =
    stream === undefined
      ? { body: body as Uint8Array<ArrayBuffer> }
      : { body: stream, duplex: 'half' };
  return new Request(request.url, { ...copied(request), ...init });
}

/** `new Request(request, …)` would want its body unread. */
function copied({ method, headers, signal }: Request): RequestInit {
  return { method, headers, signal };
}

function unavailable(): Refusal {
  return new Refusal('body_unavailable', 'Something read the body before it could be verified.');
}

async function readAll(
  body: Pieces,
  { maxBytes, timeout }: BodyLimits,
): Promise<Uint8Array | Refusal> {
  const reader = body.getReader();
  const gathered = new GatheredBytes<Uint8Array>((size) => new Uint8Array(size));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader.cancel().catch(() => {});
  }, timeout);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) return tooSlow(timeout);
      if (done) break;
      gathered.add(value);
      if (gathered.size > maxBytes) {
        reader.cancel().catch(() => {});
        return new Refusal('body_too_large', `The body has more than ${maxBytes} bytes.`);
      }
    }
  } catch {
    return new Refusal('body_incomplete', 'The connection ended before the body did.');
  } finally {
    clearTimeout(timer);
  }
  return gathered.bytes();
}

function watched(body: Pieces, watch: BodyWatch, { timeout }: BodyLimits): Pieces {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start(controller) {
        const fail = () => controller.error(new BodyRefusedError(watch.refuse(tooSlow(timeout))));
        timer = setTimeout(fail, timeout);
      },
      transform: (piece, controller) => hand(watch.take(piece), controller),
      flush(controller) {
        clearTimeout(timer);
        hand(watch.end(), controller);
      },
    }),
  );
}

function hand(
  piece: Uint8Array | Refusal | undefined,
  controller: TransformStreamDefaultController<Uint8Array>,
): void {
  if (piece instanceof Refusal) controller.error(new BodyRefusedError(piece));
  else if (piece !== undefined) controller.enqueue(piece);
}

function tooSlow(timeout: number): Refusal {
  return new Refusal('body_timeout', `The body did not arrive within ${timeout} ms.`);
}
