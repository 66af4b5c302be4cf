import { bodyBytes, FORM_CONTENT_TYPE, type SignableBody } from './request-body.js';

/** A body that is not held: its digest is known, and its bytes come when they are sent. */
export interface DigestedBody {
  /** Content-Digest of the bytes that `open` gives, such as `sha-256=:…:`. */
  readonly digest: string;
  /** How many bytes that are; sent in chunks where it is not known. */
  readonly length?: number | undefined;
  /** Content-Type, where the request says none. */
  readonly type?: string | undefined;
  /** The bytes from their beginning; called once for every attempt. It may throw on the second call: then there is no other attempt. */
  open(): AsyncIterable<Uint8Array>;
}

/** Every body that clients take. Streams are held in memory up to a limit; give a {@link DigestedBody} for more. */
export type AnyBody =
  | SignableBody
  | Blob
  | FormData
  | AsyncIterable<Uint8Array | string>
  | ReadableStream<Uint8Array>
  | DigestedBody;

/** A body that can be sent any number of times. */
export interface ReadyBody {
  /** What to sign and to send; `undefined` where the body is digested or there is none. */
  readonly bytes: string | Uint8Array | undefined;
  readonly digested: DigestedBody | undefined;
  /** What the body itself says of its type. */
  readonly type: string | undefined;
}

/** The most bytes of a body that are held, unless said otherwise. */
export const MAX_BODY_BYTES = 2 ** 24;

/**
 * Reads what has to be read, so that every attempt signs and sends the same bytes.
 *
 * @param maxBytes - how many bytes of a Blob, a form or a stream are held
 * @throws RangeError if there are more; TypeError if it is no body
 */
export async function readyBody(
  body: AnyBody | null | undefined,
  maxBytes = MAX_BODY_BYTES,
): Promise<ReadyBody> {
  if (body === undefined || body === null) return ready(undefined);
  if (isDigested(body)) return { bytes: undefined, digested: body, type: body.type };
  if (body instanceof Blob) {
    if (body.size > maxBytes) throw tooLong(maxBytes);
    return ready(new Uint8Array(await body.arrayBuffer()), body.type || undefined);
  }
  if (body instanceof FormData) {
    // One boundary, signed and sent.
    const encoded = new Response(body);
    const type = encoded.headers.get('content-type') ?? undefined;
    return ready(await held(encoded.body as ReadableStream<Uint8Array>, maxBytes), type);
  }
  if (body instanceof URLSearchParams) return ready(bodyBytes(body), FORM_CONTENT_TYPE);
  if (body instanceof ReadableStream || isIterable(body)) return ready(await held(body, maxBytes));
  return ready(bodyBytes(body));
}

/**
 * What a `Request` has for a body; it cannot be used again.
 *
 * @throws RangeError if there are more than `maxBytes`; TypeError if it was used before
 */
export async function requestBody(
  request: Request,
  maxBytes = MAX_BODY_BYTES,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (request.bodyUsed) throw new TypeError('body: it was read before; sign before it is sent');
  if (request.body === null) return null;
  if (request.body !== undefined) {
    return (await held(request.body, maxBytes)) as Uint8Array<ArrayBuffer>;
  }
  // Firefox does not have the stream of a Request.
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.length > maxBytes) throw tooLong(maxBytes);
  return bytes.length === 0 ? null : bytes;
}

function ready(bytes: string | Uint8Array | undefined, type?: string): ReadyBody {
  return { bytes, digested: undefined, type };
}

function isDigested(body: object | string): body is DigestedBody {
  const { digest, open } = body as Partial<DigestedBody>;
  return typeof digest === 'string' && typeof open === 'function';
}

function isIterable(body: object | string): body is AsyncIterable<Uint8Array | string> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** The bytes of a stream; throws a RangeError if there are more than `maxBytes`. */
export async function held(
  body: AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of piecesOf(body)) {
    const bytes = typeof piece === 'string' ? encoder.encode(piece) : piece;
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError('body: expected a stream of bytes or strings');
    }
    size += bytes.length;
    if (size > maxBytes) throw tooLong(maxBytes);
    pieces.push(bytes);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

// Not every browser can iterate over a stream.
async function* piecesOf(
  body: AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array | string> {
  if (!(body instanceof ReadableStream)) {
    yield* body;
    return;
  }
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // of a response that was cloned this ends only once the other one is
  }
}

function tooLong(maxBytes: number): RangeError {
  return new RangeError(
    `body: more than ${maxBytes} bytes are not held (maxBodyBytes); give { digest, open } to stream it`,
  );
}
