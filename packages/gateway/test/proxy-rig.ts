import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Verifier } from '@countersign/server';
import { onTestFinished } from 'vitest';
import { attachReverseProxy } from '../src/proxy/attach-reverse-proxy.js';
import { createReverseProxy, type ReverseProxyOptions } from '../src/proxy/reverse-proxy.js';
import { type UpstreamOptions, Upstreams } from '../src/proxy/upstreams.js';

/** A request as the service behind the gateway got it. */
export interface Got {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly complete: boolean;
}

export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

export async function listening(server: Server): Promise<Running> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port, close };
}

/** A plain service that notes what it gets. */
export async function service(
  answer: RequestListener = (_, response) => response.end('done'),
): Promise<Running & { readonly got: Got[] }> {
  const got: Got[] = [];
  const server = createServer(async (request, response) => {
    const body = await bytesOf(request);
    got.push({
      method: request.method as string,
      target: request.url as string,
      headers: request.rawHeaders,
      body,
      complete: request.complete,
    });
    if (!response.destroyed) answer(request, response);
  });
  return { ...(await listening(server)), got };
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece);
  } catch {
    // Cut short: `complete` says so.
  }
  return Buffer.concat(pieces);
}

/** A proxy on a free port, in front of `port`. */
export async function proxyTo(
  port: number,
  verifier: Verifier,
  more: Partial<ReverseProxyOptions> & { readonly upstream?: Partial<UpstreamOptions> } = {},
): Promise<Running> {
  const { upstream, ...options } = more;
  const upstreams = new Upstreams({ origins: [`http://127.0.0.1:${port}`], ...upstream });
  const proxy = createReverseProxy({ verifier, upstreams, ...options });
  const server = createServer({ requireHostHeader: false });
  attachReverseProxy(
    server,
    () => proxy,
    () => verifier,
  );
  const running = await listening(server);
  return {
    port: running.port,
    async close() {
      await running.close();
      await upstreams.destroy();
    },
  };
}

/** The same, ended with the test. */
export async function untilTestEnds<T extends Running>(starting: Promise<T>): Promise<T> {
  const running = await starting;
  onTestFinished(() => running.close());
  return running;
}
