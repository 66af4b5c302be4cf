import type { RequestHandler } from 'express';
import { admit } from '../node-http/admit.js';
import { needsVersion } from '../supported-version.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier } from '../verifier.js';

declare global {
  namespace Express {
    interface Request {
      /** Who called, once verified; `undefined` where no credentials are needed and none came. */
      caller?: Accepted | undefined;
    }
  }
}

const ADVICE =
  'Put countersign before the parser:\napp.use(countersign(verifier));\napp.use(express.json());';

/**
 * Middleware for Express 4 and 5, for the whole application, a router or a route. Body parsers go after it. Refused requests
 * are answered here; of the others `request.caller` tells who called.
 *
 * @throws Error if the installed Express is another version
 * @example app.use(countersign(verifier)); app.use(express.json());
 */
export function countersign(verifier: OptionalVerifier): RequestHandler {
  needsVersion('express', [4, 5], import.meta.url);
  return async (request, response, next) => {
    // `url` is cut where the router is mounted.
    const parts = { target: request.originalUrl, advice: ADVICE };
    const admission = await admit(verifier, request, response, parts);
    if (admission === undefined) return;
    request.caller = admission.caller;
    next();
  };
}
