import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Verifier } from '@countersign/server';
import {
  answerClientErrors,
  protect,
  type VerifiedListener,
  verifyBeforeContinue,
} from '@countersign/server/node';

/** Has the server answer every kind of request that Node can read with the verdict on it. */
export function answerRequests(server: Server, verifier: Verifier): void {
  server.on('request', protect(verifier, echo));
  verifyBeforeContinue(server);
  server.on('checkExpectation', protect(verifier, echo));
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on('finish', () => socket.end());
    protect(verifier, echo)(request, response);
  });
  server.on('clientError', answerClientErrors(verifier));
}

const echo: VerifiedListener = (request, response, { identity, body }) => {
  const { credential, signedHeaders } = identity;
  const text = `${JSON.stringify({
    credential,
    method: request.method,
    target: request.url,
    signedHeaders,
    bodyBytes: body.length,
  })}\n`;
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(text);
};
