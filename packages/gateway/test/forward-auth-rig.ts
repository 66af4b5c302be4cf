import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createForwardAuth, type ForwardAuthOptions } from '@countersign/gateway';
import {
  createVerifier,
  memoryNonceStore,
  staticKeys,
  type VerifierOptions,
} from '@countersign/server';
import { freePort, startCaddy, startHaproxy, startNginx } from '@countersign/test-servers';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterAll } from 'vitest';

const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Listens on a free port of 127.0.0.1 until the tests of the file have ended. */
export async function listen(
  listener: RequestListener,
  limits: Partial<Pick<Server, 'maxHeadersCount'>> = {},
): Promise<number> {
  const server = Object.assign(createServer(listener), limits);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => server.close().closeAllConnections());
  return (server.address() as AddressInfo).port;
}

/** A verifier of the testkit's key for `api.example.com`. */
export const verifierOf = (options: Partial<VerifierOptions> = {}) =>
  createVerifier({
    keys: staticKeys([{ ...TEST_KEY_ENTRY, group: 'partners' }]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
    ...options,
  });

/** The endpoint on a port of its own. */
export const startEndpoint = (options: Partial<ForwardAuthOptions> = {}): Promise<number> =>
  listen(createForwardAuth({ verifier: verifierOf(), ...options }));

/** What reached the service behind a proxy. */
export interface Reached {
  readonly method: string;
  readonly target: string;
  /** Lower-case names; duplicates joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A service that knows nothing of signatures, and what it was sent. */
export async function startService(
  reached: Reached[] = [],
): Promise<{ port: number; reached: Reached[] }> {
  const port = await listen(async (request, response) => {
    const headers: Record<string, string> = {};
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const name = (request.rawHeaders[i] as string).toLowerCase();
      const value = request.rawHeaders[i + 1] as string;
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    const body = (await buffer(request)).toString('latin1');
    reached.push({
      method: request.method as string,
      target: request.url as string,
      headers,
      body,
    });
    response.end('from the service');
  });
  return { port, reached };
}

export const recipe = (file: string): string =>
  readFileSync(new URL(`../../../docs/deploy/${file}`, import.meta.url), 'utf8');

/** The ports of a recipe replaced; each must be there. */
function withPorts(text: string, ports: Readonly<Record<string, number>>): string {
  return Object.entries(ports).reduce((replaced, [written, port]) => {
    const parts = replaced.split(`:${written}`);
    if (parts.length < 2) throw new Error(`the recipe does not have the port ${written}`);
    return parts.join(`:${port}`);
  }, text);
}

export type ProxyName = 'nginx' | 'Caddy' | 'HAProxy';

/** Starts a proxy with the very recipe of the documents, in front of these; gives its port. */
export async function startProxy(
  name: ProxyName,
  { endpoint, service }: { readonly endpoint: number; readonly service: number },
  edit: (text: string) => string = (text) => text,
): Promise<number> {
  const placed = (file: string, port: number) =>
    edit(withPorts(recipe(file), { 8080: port, 9000: endpoint, 3000: service }));
  if (name === 'nginx') {
    const port = await freePort();
    const nginx = await startNginx({ http: placed('nginx.conf', port), server: '' });
    closers.push(() => nginx.close());
    return port;
  }
  const server =
    name === 'Caddy'
      ? await startCaddy({ caddyfile: (port) => placed('Caddyfile', port) })
      : await startHaproxy({
          config: (port) => placed('haproxy.cfg', port),
          files: { 'countersign.lua': recipe('countersign.lua') },
        });
  closers.push(() => server.close());
  return server.port;
}
