import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { request as requestTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createSigner } from '@countersign/client';
import {
  createVerifier,
  memoryNonceStore,
  staticKeys,
  type VerifierOptions,
} from '@countersign/server';
import { protect } from '@countersign/server/node';
import type { Nginx } from '@countersign/test-servers';
import { TEST_KEY, TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterAll, beforeEach } from 'vitest';

/** The public name of the services, which callers sign. */
export const HOST = 'api.example.test';
/** `trustedProxies` of a service that believes nginx, and of one that does not. */
export const NGINX = ['127.0.0.1/32'];
export const SOMEBODY_ELSE = ['10.0.0.0/8', '::1'];

/** What a handler saw. */
export interface Seen {
  /** As the service behind the proxy gets it. */
  readonly url: string;
  readonly target: string;
  readonly remoteAddress: string | null;
}

/** What the handlers of a test saw, in order. */
export const handled: Seen[] = [];
const servers: Server[] = [];
beforeEach(() => {
  handled.length = 0;
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A service that says what its handler saw; gives its port. */
export async function startService(rules: Partial<VerifierOptions>): Promise<number> {
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: [HOST],
    ...rules,
  });
  const server = createServer(
    protect(verifier, ({ url = '' }, response, { target, remoteAddress = null }) => {
      handled.push({ url, target, remoteAddress });
      response.end(JSON.stringify(handled.at(-1)));
    }),
  );
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** How a request differs from one for the public name through nginx. */
export interface Asked {
  /** What is sent in place of the path that is signed. */
  readonly sent?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A service to ask directly, past nginx. */
  readonly port?: number;
}

/** Signs for the public name of the service, and sends; gives what the handler saw, or the code of the refusal. */
export async function ask(
  nginx: Nginx,
  path: string,
  { sent = path, host = HOST, headers = {}, port }: Asked = {},
): Promise<Seen | string> {
  const signature = createSigner(TEST_KEY).sign({ method: 'GET', url: `https://${HOST}${path}` });
  const fields = { headers: { ...signature, ...headers, Host: host }, agent: false, path: sent };
  const asked =
    port === undefined
      ? requestTls({ ...fields, port: nginx.port, ca: nginx.certificate.cert, servername: HOST })
      : request({ ...fields, port, host: '127.0.0.1' });
  const [response] = (await once(asked.end(), 'response')) as [IncomingMessage];
  const answer = JSON.parse(await text(response));
  return response.statusCode === 200 ? (answer as Seen) : (answer.code as string);
}
