import type { IncomingMessage } from 'node:http';
import { Refusal } from '@countersign/core';
import type { BodyLimits } from '../request-view.js';

/** Reads the body as it came over the wire, within its limits; stops at the first byte or millisecond too many. */
export function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
): Promise<Uint8Array | Refusal> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Uint8Array | Refusal) => {
      clearTimeout(timer);
      request.off('data', take).off('end', end).off('close', lost).off('error', lost);
      // Whatever happens to the stream later, nobody else listens, and an unheard 'error' would end the process.
      request.on('error', () => {});
      resolve(result);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limits.maxBytes) {
        request.pause();
        settle(new Refusal('body_too_large', `The body has more than ${limits.maxBytes} bytes.`));
      }
    };
    const end = () =>
      settle(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
    const lost = () =>
      settle(new Refusal('body_incomplete', 'The connection ended before the body did.'));
    const timer = setTimeout(() => {
      request.pause();
      settle(new Refusal('body_timeout', `The body did not arrive within ${limits.timeout} ms.`));
    }, limits.timeout);

    const touched = request.readableDidRead || request.readableEnded;
    if (touched || request.readableEncoding !== null) {
      settle(
        new Refusal('body_unavailable', 'Something read the body before it could be verified.'),
      );
    } else if (request.destroyed) lost();
    else request.on('data', take).on('end', end).on('close', lost).on('error', lost);
  });
}
