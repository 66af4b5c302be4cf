import type { ServerHttp2Session } from 'node:http2';

/**
 * Ends sessions of HTTP/2 over which nothing moves, whether they ask for nothing or take no answer. Node bounds neither, as it
 * does with requests of HTTP/1.
 *
 * @param most - milliseconds without a byte
 */
export function endSilentSessions(server: NodeJS.EventEmitter, most: () => number): void {
  server.on('session', (session: ServerHttp2Session) => {
    session.setTimeout(most(), () => session.destroy());
  });
}
