import type { NodeRequest, NodeResponse } from './node-request.js';

/**
 * Has `Expect: 100-continue` (RFC 9110 §10.1.1) answered when something first reads the body, so that a refused request never
 * sends it.
 *
 * @example verifyBeforeContinue(server)
 */
export function verifyBeforeContinue(server: NodeJS.EventEmitter): void {
  server.on('checkContinue', (request: NodeRequest, response: NodeResponse) => {
    request._read = (size) => {
      Reflect.deleteProperty(request, '_read');
      // What is left unread of a request that was answered is read to be thrown away.
      if (!response.headersSent) response.writeContinue();
      request._read(size);
    };
    server.emit('request', request, response);
  });
}
