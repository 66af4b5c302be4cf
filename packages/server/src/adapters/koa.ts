import type { Middleware } from 'koa';
import { admit } from '../node-http/admit.js';
import { needsVersion } from '../supported-version.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier } from '../verifier.js';

/** What is in `ctx.state` once a request is let in. */
export interface CallerState {
  /** Who called; `undefined` where no credentials are needed and none came. */
  caller?: Accepted | undefined;
}

const ADVICE =
  'Put countersign before the parser:\napp.use(countersign(verifier));\napp.use(bodyParser());';

/**
 * Middleware for Koa 3. Body parsers go after it. Refused requests are answered here; of the others `ctx.state.caller` tells
 * who called.
 *
 * @throws Error if the installed Koa is another version
 * @example app.use(countersign(verifier)); app.use(bodyParser());
 */
export function countersign(verifier: OptionalVerifier): Middleware<CallerState> {
  needsVersion('koa', [3], import.meta.url);
  return async (ctx, next) => {
    const parts = { target: ctx.originalUrl, advice: ADVICE };
    const admission = await admit(verifier, ctx.req, ctx.res, parts);
    if (admission === undefined) {
      ctx.respond = false;
      return;
    }
    ctx.state.caller = admission.caller;
    await next();
  };
}
