import type { Readable } from 'node:stream';

/** A stream of Node; throws a TypeError where there are none. */
export function nodeStreamOf(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Readable {
  // Not imported, so that bundles for browsers need no stand-in for it.
  const node = globalThis.process?.getBuiltinModule?.('node:stream');
  if (node === undefined) throw new TypeError('body: this platform has no streams of Node');
  return node.Readable.from(pieces, { objectMode: false });
}

export function webStreamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
