import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Verifier } from '../verifier.js';
import { parserRefusal } from './parser-refusal.js';
import { endWithAnswer } from './send-refusal.js';

/**
 * Answers in the same form what Node's HTTP parser refuses by itself.
 *
 * @example server.on('clientError', answerClientErrors(verifier))
 */
export function answerClientErrors(
  verifier: Pick<Verifier, 'answer'>,
): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  return (error, socket) => {
    // An answer that has begun must not be continued with another one.
    const begun = (socket as { _httpMessage?: ServerResponse | null })._httpMessage?.headersSent;
    if (error.code === 'ECONNRESET' || !socket.writable || begun === true) {
      socket.destroy();
      return;
    }
    endWithAnswer(socket, verifier.answer(parserRefusal(error.code)));
  };
}
