import { createServer, type RequestListener, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface AdminOptions {
  readonly registry: () => Registry | undefined;
  /** What does not answer, by its name; empty if all is well. */
  readonly health: () => Promise<Readonly<Record<string, string>>>;
  /** True from when it is to stop. */
  readonly stopping: () => boolean;
}

/** `/metrics`, `/healthz` (it runs) and `/readyz` (it can verify); for whoever runs it, not for callers. */
export function createAdminServer({ registry, health, stopping }: AdminOptions): Server {
  const answer: RequestListener = async (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    } else if (path === '/metrics') {
      const metrics = registry();
      response.writeHead(200, { 'Content-Type': metrics?.contentType });
      response.end(await metrics?.metrics());
    } else if (path === '/healthz') {
      json(response, 200, { status: 'ok' });
    } else if (path === '/readyz') {
      const faults = stopping() ? { gateway: 'it is being stopped' } : await health();
      const ready = Object.keys(faults).length === 0;
      json(response, ready ? 200 : 503, { status: ready ? 'ok' : 'unavailable', faults });
    } else {
      json(response, 404, { status: 'not found', known: ['/metrics', '/healthz', '/readyz'] });
    }
  };
  return createServer((request, response) => {
    Promise.resolve(answer(request, response)).catch(() => response.destroy());
  });
}

function json(response: Parameters<RequestListener>[1], status: number, body: object): void {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  response.writeHead(status, headers).end(`${JSON.stringify(body)}\n`);
}
