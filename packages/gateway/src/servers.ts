import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { Server } from 'node:net';
import type { Registry } from 'prom-client';
import { createAdminServer } from './admin/admin-server.js';
import type { ProxyConfig } from './config/config.js';
import { settleMode } from './listen.js';
import type { Wanted } from './listeners.js';
import { attachReverseProxy } from './proxy/attach-reverse-proxy.js';
import { sendProblem } from './proxy/problem.js';
import type { Certificate } from './runtime/certificate.js';
import type { Runtime } from './runtime/runtime.js';
import { endSilentSessions } from './silent-sessions.js';

/** What the servers of the gateway ask. */
export interface ServerParts {
  /** What is to answer, when a request comes. */
  readonly current: () => Runtime;
  readonly registry: () => Registry | undefined;
  /** True from when the gateway is to stop. */
  readonly stopping: () => boolean;
}

// Node's own, for requests that nothing else bounds (ms).
const REQUEST_TIMEOUT = 300_000;
// So much longer than a body may take, so that whoever verifies it says so first.
const MARGIN = 30_000;

/** A server for each place to listen at; each asks for the present configuration when a request comes. */
export function serversOf(runtime: Runtime, parts: ServerParts): Map<string, Wanted> {
  const { proxy, forwardAuth, egress = [], admin } = runtime.config;
  const { current } = parts;
  const wanted = new Map<string, Wanted>();
  if (proxy !== undefined) wanted.set('proxy', proxyServer(proxy, runtime.certificate, current));
  if (forwardAuth !== undefined) {
    const create = () =>
      // Room for what the proxy adds to a header that fills its own limit.
      createServer(
        { maxHeaderSize: 32 * 1024 },
        listenerOf(() => current().forwardAuth),
      );
    wanted.set('forwardAuth', { listen: forwardAuth.listen, kind: 'forwardAuth', create });
  }
  for (const [i, { listen, allowGroup = false }] of egress.entries()) {
    const create = () => createServer(listenerOf(() => current().egressAt(listen, i)?.listener));
    const settle = () => settleMode(listen, allowGroup);
    wanted.set(`egress[${i}]`, { listen, kind: 'egress', isPrivate: true, create, settle });
  }
  if (admin !== undefined) {
    const { registry, stopping } = parts;
    const health = () => current().health();
    const create = () => createAdminServer({ registry, health, stopping });
    wanted.set('admin', { listen: admin.listen, kind: 'admin', create });
  }
  return wanted;
}

/** What is there when a request comes; nothing is, for a server that is about to end. */
function listenerOf(current: () => RequestListener | undefined): RequestListener {
  return (request, response) => {
    const listener = current();
    if (listener === undefined) sendProblem(response, 'gateway_stopping');
    else listener(request, response);
  };
}

function proxyServer(
  config: ProxyConfig,
  certificate: Certificate | undefined,
  current: () => Runtime,
): Wanted {
  const { listen } = config;
  return {
    listen,
    kind: `proxy ${certificate !== undefined}`,
    create() {
      const server =
        certificate === undefined
          ? createServer({ requireHostHeader: false })
          : createSecureServer({ allowHTTP1: true, ...certificate });
      attachReverseProxy(
        server,
        () => current().proxy,
        () => current().verifier,
      );
      endSilentSessions(server, () => longestSilence(current().config.proxy ?? config));
      return server;
    },
    settle(server: Server) {
      (server as HttpServer).requestTimeout = longestRequest(config);
      if (certificate !== undefined) (server as Http2SecureServer).setSecureContext(certificate);
    },
  };
}

/** Milliseconds for all of a request. */
function longestRequest({ bodyTimeout = 0, stream }: ProxyConfig): number {
  const longest = Math.max(bodyTimeout, stream === undefined ? 0 : (stream.bodyTimeout ?? 600_000));
  return Math.max(REQUEST_TIMEOUT, longest + MARGIN);
}

/** Milliseconds that nothing need move for, while a body pauses or the service thinks. */
function longestSilence(config: ProxyConfig): number {
  const { upstream } = config;
  const { timeout = 0 } = typeof upstream === 'string' ? {} : upstream;
  return Math.max(longestRequest(config), timeout + MARGIN);
}
