import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createRawServer, type Socket } from 'node:net';
import {
  type Accepted,
  createVerifier,
  memoryNonceStore,
  type RefusalCode,
  staticKeys,
} from '@countersign/server';
import { protect } from '@countersign/server/node';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterEach } from 'vitest';

/** What a server saw of one request. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly nonce: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** Of the verified request; `undefined` if it was refused. */
  readonly caller: Accepted | undefined;
}

/** A server on loopback that lets in only what its verifier accepts. */
export interface TestServer {
  readonly origin: string;
  /** Every request that arrived, refused ones included. */
  readonly seen: Seen[];
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** Starts a real server behind a real verifier; `handler` answers what is accepted. */
export async function startServer(
  handler: (response: ServerResponse, caller: Accepted, request: IncomingMessage) => unknown,
): Promise<TestServer> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: [host],
  });
  const seen: Seen[] = [];
  const accepted = new WeakMap<IncomingMessage, Accepted>();
  const listener = protect(verifier, (request, response, caller) => {
    accepted.set(request, caller);
    return handler(response, caller, request);
  });
  server.on('request', async (request, response) => {
    const note = {
      method: request.method as string,
      target: request.url as string,
      nonce: String(request.headers['x-nonce']),
      headers: request.headers,
      get caller() {
        return accepted.get(request);
      },
    };
    seen.push(note);
    await listener(request, response);
  });
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { origin: `http://${host}`, seen };
}

/** A server that answers with what it verified, as JSON: see {@link Echo}. */
export function startEcho(): Promise<TestServer> {
  return startServer((response, { target, body, identity }, request) => {
    const echo: Echo = {
      method: request.method as string,
      target,
      body: Buffer.from(body).toString('base64'),
      contentType: request.headers['content-type'] ?? null,
      signedHeaders: identity.signedHeaders,
    };
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(echo));
  });
}

/** What the echo server verified. */
export interface Echo {
  readonly method: string;
  readonly target: string;
  /** Base64. */
  readonly body: string;
  readonly contentType: string | null;
  readonly signedHeaders: readonly string[];
}

/** The code of a problem document. */
export interface Problem {
  readonly code: RefusalCode;
}

/** Something that listens and only counts who connects. */
export async function startListener(): Promise<{
  readonly origin: string;
  readonly connections: () => number;
}> {
  let connections = 0;
  const origin = await startRaw(() => {
    connections++;
  });
  return { origin, connections: () => connections };
}

/** Something that answers every request with an empty 200 and keeps its head as it came. */
export async function startRecorder(): Promise<{
  readonly origin: string;
  readonly heads: readonly string[];
}> {
  const heads: string[] = [];
  const origin = await startRaw((socket) => {
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      received += chunk;
      const end = received.indexOf('\r\n\r\n');
      if (end === -1 || heads.length > 0) return;
      heads.push(received.slice(0, end));
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
  });
  return { origin, heads };
}

async function startRaw(connected: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    connected(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
