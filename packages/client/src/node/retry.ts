import type { IncomingMessage } from 'node:http';
import type { ConnectionFault } from './send.js';

const FIRST_WAIT = 100; // milliseconds
const LONGEST_WAIT = 30_000;
// Applying them twice is applying them once (RFC 9110, 9.2.2).
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
]);

/** True if the request cannot be applied twice by sending it again. */
export function isSafeToRepeat(method: string, fault: ConnectionFault): boolean {
  return IDEMPOTENT.has(method) || fault.nothingSent;
}

/**
 * How long to wait before another attempt, exponentially longer each time and never twice the same.
 *
 * @param retried - how often it was tried again so far
 * @returns milliseconds
 */
export function backoff(retried: number): number {
  return Math.min(FIRST_WAIT * 2 ** retried, LONGEST_WAIT) * (0.5 + Math.random() / 2);
}

/** How long a 503 asks to wait, in milliseconds; `undefined` if it does not, or asks for more than 30 s. */
export function retryAfter({ statusCode, headers }: IncomingMessage): number | undefined {
  const value = headers['retry-after'];
  if (statusCode !== 503 || value === undefined) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return wait <= LONGEST_WAIT ? Math.max(wait, 0) : undefined;
}
