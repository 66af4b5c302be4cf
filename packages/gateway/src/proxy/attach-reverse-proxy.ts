import type { Verifier } from '@countersign/server';
import {
  answerClientErrors,
  type NodeRequest,
  type NodeResponse,
  verifyBeforeContinue,
} from '@countersign/server/node';
import { sendProblem } from './problem.js';
import type { ReverseProxy } from './reverse-proxy.js';
import { serveWithoutUpgrade } from './without-upgrade.js';

/**
 * Puts a proxy on a server of `node:http`, `node:https` or `node:http2`.
 *
 * @param proxy - is asked for each request; without one, the server is about to end
 */
export function attachReverseProxy(
  server: NodeJS.EventEmitter,
  proxy: () => ReverseProxy | undefined,
  verifier: () => Pick<Verifier, 'answer'> | undefined,
): void {
  const onRequest = (request: NodeRequest, response: NodeResponse) => {
    const found = proxy();
    if (found === undefined) sendProblem(response, 'gateway_stopping');
    else found.onRequest(request, response);
  };
  server.on('request', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('upgrade', (request, socket, head) => {
    const found = proxy();
    if (found?.joins(request)) found.onUpgrade(request, socket, head);
    else serveWithoutUpgrade(server, request, socket, head);
  });
  // Later versions of Node ask before they take a request off their parser, and would keep its body from who puts it back.
  if ('shouldUpgradeCallback' in server) {
    server.shouldUpgradeCallback = (request: NodeRequest) => proxy()?.joins(request) === true;
  }
  server.on('clientError', (error, socket) => {
    const found = verifier();
    if (found === undefined) socket.destroy();
    else answerClientErrors(found)(error, socket);
  });
  verifyBeforeContinue(server);
}
