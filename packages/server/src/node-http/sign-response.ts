import type { ServerResponse } from 'node:http';
import type { OptionalVerifier } from '../verifier.js';
import type { NodeRequest, NodeResponse } from './node-request.js';

type Fields = Readonly<Record<string, number | string | readonly string[] | undefined>>;

/**
 * Holds a response back until it is whole, and signs it then (section 3 of the protocol). One that has more bytes than
 * the verifier's `maxResponseBytes` becomes a 500, since its head must say what its body is.
 */
export function signWhenEnded(
  verifier: Pick<OptionalVerifier, 'maxResponseBytes' | 'signResponse'>,
  verdict: object,
  request: NodeRequest,
  held: NodeResponse,
): void {
  const most = verifier.maxResponseBytes;
  if (most === undefined) return;
  const response = held as ServerResponse;
  const pieces: Buffer[] = [];
  let size = 0;
  const add = (chunk: unknown, encoding: unknown) => {
    if (chunk === undefined || chunk === null || typeof chunk === 'function') return;
    const text = typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8';
    const piece =
      typeof chunk === 'string' ? Buffer.from(chunk, text) : Buffer.from(chunk as Uint8Array);
    size += piece.length;
    if (size <= most) pieces.push(piece);
  };
  const then = (...rest: unknown[]) =>
    rest.find((each) => typeof each === 'function') as (() => void) | undefined;

  response.flushHeaders = () => {};
  response.writeHead = ((status: number, ...rest: unknown[]) => {
    response.statusCode = status;
    const fields = fieldsOf(rest.at(-1));
    for (const [name] of fields) response.removeHeader(name);
    for (const [name, value] of fields) response.appendHeader(name, value); // a list may have one twice
    return response;
  }) as typeof response.writeHead;
  response.write = ((chunk: unknown, encoding: unknown, callback: unknown) => {
    add(chunk, encoding);
    const done = then(encoding, callback);
    if (done !== undefined) process.nextTick(done);
    return true;
  }) as typeof response.write;
  response.end = ((chunk: unknown, encoding: unknown, callback: unknown) => {
    add(chunk, encoding);
    for (const name of ['flushHeaders', 'writeHead', 'write', 'end']) {
      Reflect.deleteProperty(response, name);
    }
    if (size > most) {
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      response.statusCode = 500;
      response.setHeader('Content-Type', 'text/plain');
      pieces.splice(
        0,
        pieces.length,
        Buffer.from(`The response has more than ${most} bytes, and cannot be signed.\n`),
      );
    }
    const bodiless = request.method === 'HEAD' || [204, 304].includes(response.statusCode);
    const body = bodiless ? Buffer.alloc(0) : Buffer.concat(pieces);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(response.getHeaders() as Fields)) {
      headers[name] = Array.isArray(value) ? value.join(', ') : String(value);
    }
    const signed = verifier.signResponse(verdict, { status: response.statusCode, headers, body });
    for (const [name, value] of Object.entries(signed)) response.setHeader(name, value);
    response.removeHeader('Transfer-Encoding');
    if (!bodiless) response.setHeader('Content-Length', body.length);
    return response.end(body, then(chunk, encoding, callback));
  }) as typeof response.end;
}

/** The fields of `writeHead`, which takes them as an object, as pairs and as a flat list. */
function fieldsOf(fields: unknown): (readonly [string, string | readonly string[]])[] {
  if (typeof fields !== 'object' || fields === null) return [];
  if (!Array.isArray(fields)) {
    return Object.entries(fields as Fields).map(([name, value]) => [name, value as string]);
  }
  if (Array.isArray(fields[0])) return fields as [string, string][];
  return fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]] as const] : []));
}
