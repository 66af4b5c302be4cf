import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier, Verifier } from '../verifier.js';
import { nodeRequestView } from './node-request.js';
import { endWithAnswer } from './send-refusal.js';

/** A listener of `upgrade` that is called only for verified requests; `C` may be `undefined` where credentials are optional. */
export type VerifiedUpgradeListener<C = Accepted> = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  caller: C,
) => unknown;

/**
 * Verifies requests for another protocol, such as WebSocket; those refused are answered and their connections closed.
 *
 * @param handler - what it throws is not caught, as with any async listener of Node
 * @example server.on('upgrade', protectUpgrade(verifier, (request, socket, head, caller) => …))
 */
export function protectUpgrade(
  verifier: Verifier,
  handler: VerifiedUpgradeListener,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
export function protectUpgrade(
  verifier: OptionalVerifier,
  handler: VerifiedUpgradeListener<Accepted | undefined>,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
export function protectUpgrade(
  verifier: OptionalVerifier,
  handler: VerifiedUpgradeListener<never>,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void> {
  return async (request, socket, head) => {
    const broken = () => socket.destroy();
    socket.on('error', broken);
    const verdict = await verifier.verify(nodeRequestView(request));
    if (verdict.verdict === 'refused') {
      endWithAnswer(socket, verifier.answer(verdict));
      return;
    }
    socket.off('error', broken);
    const caller = verdict.verdict === 'accepted' ? verdict : undefined;
    await handler(request, socket, head, caller as never);
  };
}
