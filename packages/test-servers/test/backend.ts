import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll } from 'vitest';

/** What reached a server behind nginx. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const closers: (() => void)[] = [];
afterAll(() => {
  for (const close of closers) close();
});

/**
 * A server that tells what it was asked, as JSON. At `/early` it answers once it has read the first piece of a body.
 *
 * @returns its port
 */
export async function startBackend(): Promise<number> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('latin1')) {
      body += chunk;
      if (request.url === '/early') break;
    }
    response.end(
      JSON.stringify({
        method: request.method,
        target: request.url,
        version: request.httpVersion,
        headers: request.headers,
        body,
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close().closeAllConnections());
  return (server.address() as { port: number }).port;
}
