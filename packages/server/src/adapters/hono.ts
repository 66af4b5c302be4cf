import type { Context, MiddlewareHandler } from 'hono';
import { fetchRequestView, verifiedRequest } from '../fetch/fetch-request.js';
import { signed } from '../fetch/sign-response.js';
import { isHandedOn } from '../node-http/node-body.js';
import { type NodeRequest, type NodeResponse, nodeRequestView } from '../node-http/node-request.js';
import { requestHandedOn } from '../node-http/web-body.js';
import { needsVersion } from '../supported-version.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier } from '../verifier.js';

/** What `c.get` knows once a request is let in. */
export interface CallerVariables {
  /** Who called; `undefined` where no credentials are needed and none came. */
  caller: Accepted | undefined;
}

// @hono/node-server takes a stream that was ever read for used up, unless the bytes are laid beside it.
const PARTS = {
  advice: 'Put countersign before what reads the body:\napp.use(countersign(verifier));',
  keepsRawBody: true,
};

/**
 * Middleware for Hono 4. On `@hono/node-server` it verifies the bytes that Node read; on other runtimes what the Fetch API
 * shows of them, with the limits of `@countersign/server/fetch`. Of a request that is let in `c.get('caller')` tells who called.
 *
 * @throws Error if the installed Hono is another version
 * @example app.use(countersign(verifier));
 */
export function countersign(
  verifier: OptionalVerifier,
): MiddlewareHandler<{ Variables: CallerVariables }> {
  needsVersion('hono', [4], import.meta.url);
  return async (c, next) => {
    const { incoming, outgoing } = nodeBindings(c);
    const fetched = incoming === undefined ? fetchRequestView(c.req.raw) : undefined;
    const view = fetched ?? nodeRequestView(incoming as NodeRequest, outgoing, PARTS);
    const verdict = await verifier.verify(view);
    if (verdict.verdict === 'refused') {
      const { status, headers, body } = verifier.answer(verdict);
      return new Response(body, { status, headers });
    }
    const caller = verdict.verdict === 'accepted' ? verdict : undefined;
    c.set('caller', caller);
    if (fetched !== undefined && caller !== undefined) {
      c.req.raw = verifiedRequest(c.req.raw, fetched, caller);
    } else if (incoming !== undefined && isHandedOn(incoming)) {
      c.req.raw = requestHandedOn(c.req.raw, incoming);
    }
    await next();
    if (caller !== undefined && verifier.maxResponseBytes !== undefined) {
      const response = await signed(verifier, caller, c.req.method, c.res);
      c.res = undefined; // or the fields of the old one would be merged
      c.res = response;
    }
    return undefined;
  };
}

function nodeBindings(c: Context): { incoming?: NodeRequest; outgoing?: NodeResponse } {
  return c.env ?? {};
}
