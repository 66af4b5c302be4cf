import { Readable } from 'node:stream';
import type { NodeRequest } from './node-request.js';

// Fetch lets these have no body, or takes them for no method.
const BODILESS = /^(?:get|head|connect|trace|track)$/i;

/**
 * The same request for a handler, its body the one that Node hands on, of which nothing is read before the handler reads. Others ask
 * `Readable.toWeb` for it only then, which makes an empty one of a body that has failed meanwhile.
 */
export function requestHandedOn(request: Request, incoming: NodeRequest): Request {
  const { url, method, headers, signal } = request;
  if (BODILESS.test(method)) return request;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (reader === undefined && incoming.errored !== null) throw incoming.errored;
        reader ??= (Readable.toWeb(incoming) as ReadableStream<Uint8Array>).getReader();
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  const init: RequestInit & { duplex: 'half' } = { method, headers, signal, body, duplex: 'half' };
  return new Request(url, init);
}
