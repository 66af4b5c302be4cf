import type { IncomingMessage } from 'node:http';
import type { GatewayCode } from '../proxy/problem.js';

/** How much of a body is waited for, in bytes, and how long, in milliseconds. */
export interface BodyBounds {
  readonly maxBytes: number;
  readonly timeout: number;
}

/** The body of a request, `null` if it has none, or what is wrong with it. Never rejects; the request can still be answered. */
export async function wholeBody(
  request: IncomingMessage,
  { maxBytes, timeout }: BodyBounds,
): Promise<Buffer | null | GatewayCode> {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (length === undefined && coding === undefined) return null;
  if (Number(length) > maxBytes) return 'body_too_large';
  const pieces: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const settle = (result: Buffer | GatewayCode) => {
      clearTimeout(timer);
      request.off('data', take).pause();
      resolve(result);
    };
    const take = (piece: Buffer) => {
      size += piece.length;
      pieces.push(piece);
      if (size > maxBytes) settle('body_too_large');
    };
    const timer = setTimeout(() => settle('body_timeout'), timeout);
    request.on('data', take);
    request.once('end', () => settle(Buffer.concat(pieces)));
    request.once('close', () => settle('body_incomplete')).on('error', () => {});
  });
}
