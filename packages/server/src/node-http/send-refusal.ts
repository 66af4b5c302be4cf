import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Refusal } from '@countersign/core';
import type { HttpAnswer } from '../answer.js';
import { isHttp2, type NodeRequest, type NodeResponse } from './node-request.js';

// A refused body up to this size is let in and thrown away, so that the connection can be used again.
const DRAIN_BYTES = 64 * 1024;
// Longer ones stay unread. The connection is kept this long (ms), so that the caller can read its answer.
const LINGER = 1_000;

/** Answers a refused request, and sees to what is left unread of it. */
export function sendRefusal(
  refusal: Refusal,
  { status, headers, body }: HttpAnswer,
  request: NodeRequest,
  sent: NodeResponse,
): void {
  const response = sent as ServerResponse;
  if (isHttp2(request)) {
    response.writeHead(status, headers);
    // What the caller still sends is not read (RFC 9113 §8.1).
    response.end(body, () => request.stream.close(constants.NGHTTP2_NO_ERROR));
    return;
  }
  const keep = refusal.code !== 'body_timeout' && isShort(request, response);
  response.writeHead(status, {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    ...(keep ? {} : { Connection: 'close' }),
  });
  if (keep) {
    response.end(body);
    return;
  }
  // Closing at once, with unread bytes on the way, would reset the connection under the answer.
  request.pause();
  response.write(body);
  const timer = setTimeout(() => response.end(), LINGER);
  request.socket.once('close', () => clearTimeout(timer));
}

/** True if nothing is left to read of the request, or little enough to be let in before the connection is used again. */
function isShort(request: IncomingMessage, { shouldKeepAlive }: ServerResponse): boolean {
  if (request.complete) return true;
  // NaN, so false, for a chunked body, and for a length that Node dropped among too many fields.
  return shouldKeepAlive && Number(request.headers['content-length']) <= DRAIN_BYTES;
}

/** Answers on a connection whose bytes are no request, and ends it. */
export function endWithAnswer(socket: Duplex, { status, headers, body }: HttpAnswer): void {
  const fields = {
    ...headers,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.pause();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), LINGER);
  socket.once('close', () => clearTimeout(timer));
}
