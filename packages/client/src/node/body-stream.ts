import { Readable } from 'node:stream';
import type { DigestedBody } from '../body.js';

/** What became of a body while it was sent. */
export interface BodyFate {
  /** Why it could not be read; another attempt could not read it either. */
  fault?: unknown;
}

/**
 * The bytes of a body as a stream that ends with an error where they are not as many as was said.
 *
 * @param fate - is told of an error of the body, which is not one of the connection
 */
export function bodyStream(body: DigestedBody, fate: BodyFate): Readable {
  return Readable.from(counted(body, fate), { objectMode: false });
}

async function* counted(body: DigestedBody, fate: BodyFate): AsyncGenerator<Uint8Array> {
  const { length } = body;
  let sent = 0;
  try {
    for await (const piece of body.open()) {
      sent += piece.length;
      if (length !== undefined && sent > length) throw wrongLength(length, 'more');
      yield piece;
    }
    if (length !== undefined && sent < length) throw wrongLength(length, `${sent}`);
  } catch (error) {
    fate.fault = error;
    throw error;
  }
}

function wrongLength(length: number, got: string): RangeError {
  return new RangeError(`body: expected ${length} bytes (length), and open() gave ${got}`);
}
