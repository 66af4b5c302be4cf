import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Accepted, createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { protect } from '@countersign/server/node';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterAll } from 'vitest';
import type { Echo } from '../servers.js';

/** A service that pages may call, from its own origin and from others. */
export interface Service {
  readonly origin: string;
  /** What preflights asked leave for: the names of header fields, as the browser wrote them. */
  readonly asked: ReadonlySet<string>;
}

/** Answers what belongs to the page, and tells if it did. */
export type Pages = (request: IncomingMessage, response: ServerResponse) => boolean;

/** What a page has to be allowed to send. */
export const ALLOWED = 'Authorization, X-Date, X-Nonce, Content-Digest, Content-Type';
/** What a page has to see of a signed response. */
export const EXPOSED = 'Authentication-Info, Content-Digest, Content-Encoding, Date';

const closers: (() => unknown)[] = [];
afterAll(() => Promise.all(closers.map((close) => close())));

/** Starts it on loopback. What `pages` does not answer has to be signed. */
export async function startService(pages: Pages = () => false): Promise<Service> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: [host],
    presigned: true,
    signResponses: true,
    authorize: (_, { target }) => (target === '/v1/refuse' ? 'permission_denied' : 'allowed'),
  });
  const verified = protect(verifier, answer);
  const asked = new Set<string>();
  server.on('request', (request, response) => {
    if (pages(request, response)) return;
    if (request.url !== '/v1/not-exposed') {
      response.setHeader('Access-Control-Expose-Headers', EXPOSED);
    }
    response.setHeader('Access-Control-Allow-Origin', '*');
    if (request.method === 'OPTIONS') {
      const names = request.headers['access-control-request-headers'] ?? '';
      for (const name of names.split(',')) asked.add(name.trim());
      response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT');
      response.setHeader('Access-Control-Allow-Headers', ALLOWED).writeHead(204).end();
    } else if (request.url === '/unsigned') response.end('{}');
    else verified(request, response);
  });
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { origin: `http://${host}`, asked };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { target, body, identity }: Accepted,
): void {
  if (target === '/v1/redirect') {
    response.writeHead(302, { Location: '/v1/orders' }).end();
    return;
  }
  if (target === '/v1/cachable') response.setHeader('Cache-Control', 'private, max-age=60');
  const echo: Echo = {
    method: request.method as string,
    target,
    body: Buffer.from(body).toString('base64'),
    contentType: request.headers['content-type'] ?? null,
    signedHeaders: identity.signedHeaders,
  };
  const json = JSON.stringify(echo);
  response.setHeader('Content-Type', 'application/json');
  if (target === '/v1/zipped') response.setHeader('Content-Encoding', 'gzip').end(gzipSync(json));
  else response.end(json);
}
