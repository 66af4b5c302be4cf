import { Response } from 'undici';
import { type AnyBody, type ReadyBody, readyBody } from '../body.js';

/**
 * Reads a body of any kind that undici sends.
 *
 * @throws RangeError if there are more than `maxBytes`; TypeError if it is no body
 */
export async function readyUndiciBody(
  body: unknown,
  maxBytes: number | undefined,
): Promise<ReadyBody> {
  if (isUndicisForm(body)) {
    const encoded = new Response(body);
    const ready = await readyBody(encoded.body as AnyBody, maxBytes);
    return { ...ready, type: encoded.headers.get('content-type') ?? undefined };
  }
  return readyBody(asAnyBody(body), maxBytes);
}

// The class of the package is not that of the platform.
function isUndicisForm(body: unknown): body is ConstructorParameters<typeof Response>[0] {
  return (
    !(body instanceof FormData) && Object.prototype.toString.call(body) === '[object FormData]'
  );
}

function asAnyBody(body: unknown): AnyBody {
  if (ArrayBuffer.isView(body) && !(body instanceof Uint8Array)) {
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  }
  if (Array.isArray(body) || isGenerator(body)) {
    return (async function* () {
      yield* body as Iterable<Uint8Array>;
    })();
  }
  return body as AnyBody; // readyBody refuses the rest
}

function isGenerator(body: unknown): boolean {
  return Object.prototype.toString.call(body) === '[object Generator]';
}
