import { Buffer } from 'node:buffer';
import type { SignedRequestView } from './signed-request.js';

/**
 * The bytes of a request for a socket (RFC 9112), as the view has it: nothing is added, repaired or checked. A body is
 * written in one chunk where the view has `Transfer-Encoding: chunked`, else as it is.
 *
 * @throws RangeError if the view has a character that is not one byte (ISO 8859-1), which a socket cannot send as such
 * @example connect(port, '127.0.0.1').end(toHttp1(view))
 */
export function toHttp1(view: SignedRequestView): Uint8Array {
  let head = `${view.method} ${view.target} HTTP/1.1\r\n`;
  let chunked = false;
  for (let i = 0; i + 1 < view.headers.length; i += 2) {
    const [name, value] = view.headers.slice(i, i + 2) as [string, string];
    head += `${name}: ${value}\r\n`;
    chunked ||= name.toLowerCase() === 'transfer-encoding' && /\bchunked\b/i.test(value);
  }
  const body = view.body ?? new Uint8Array(0);
  return Buffer.concat([
    latin1(`${head}\r\n`),
    ...(chunked && body.length > 0
      ? [latin1(`${body.length.toString(16)}\r\n`), body, latin1('\r\n')]
      : [body]),
    latin1(chunked ? '0\r\n\r\n' : ''),
  ]);
}

function latin1(text: string): Buffer {
  if (/[^\0-\xff]/.test(text)) {
    throw new RangeError('view: a character outside ISO 8859-1 has no one byte to send');
  }
  return Buffer.from(text, 'latin1');
}
