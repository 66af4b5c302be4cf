import type { IncomingMessage } from 'node:http';

/** HTTP/1.1 has no body without one of the two (RFC 9112 §6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}
