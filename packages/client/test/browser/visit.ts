import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { openInChromium } from '@countersign/test-servers';
import type { Pages } from './service.js';

/** A page that a browser opens, and what it is to tell. */
export interface Visit {
  /** To be laid over the service: it answers what belongs to the page. */
  readonly pages: Pages;
  /** Opens the page, and waits for what it posts to `/report` as JSON. The browser has ended by then. */
  report(origin: string, deadline: number): Promise<unknown>;
}

/** @param files - type and content by path; content is asked for when the browser asks */
export function visit(
  files: Readonly<Record<string, readonly [type: string, content: () => string]>>,
): Visit {
  let tell: (report: Promise<unknown>) => void;
  const told = new Promise((resolve) => {
    tell = resolve;
  });
  return {
    pages(request: IncomingMessage, response: ServerResponse) {
      if (request.url === '/report') {
        tell(text(request).then(JSON.parse));
        response.end();
        return true;
      }
      const file = files[request.url as string];
      if (file !== undefined) response.setHeader('Content-Type', file[0]).end(file[1]());
      return file !== undefined;
    },
    async report(origin, deadline) {
      const chromium = await openInChromium(`${origin}/`);
      const late = setTimeout(() => {
        const said = chromium.log().slice(-2_000);
        tell(Promise.reject(new Error(`nothing was reported after ${deadline} ms: ${said}`)));
      }, deadline);
      try {
        return await told;
      } finally {
        clearTimeout(late);
        await chromium.close();
      }
    },
  };
}
