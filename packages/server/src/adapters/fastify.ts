import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { admit } from '../node-http/admit.js';
import type { Accepted } from '../verdict.js';
import type { OptionalVerifier } from '../verifier.js';
import type { RouteOptions } from '../verifier-rules.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who called, once verified; `undefined` where no credentials are needed and none came. */
    caller: Accepted | undefined;
  }
  interface FastifyContextConfig {
    /** Rules of this route, or `false` to let anybody in unverified. */
    countersign?: RouteOptions | false | undefined;
  }
}

/** Options of the plugin. */
export interface CountersignOptions {
  readonly verifier: OptionalVerifier;
}

const ADVICE =
  'Register countersign before what reads the body:\nawait app.register(countersign, { verifier });';

const plugin: FastifyPluginCallback<CountersignOptions> = (app, { verifier }, done) => {
  const routes = new WeakMap<RouteOptions, OptionalVerifier>();
  app.decorateRequest('caller');
  // Rules of a route are checked when it is made, not at its first request.
  app.addHook('onRoute', ({ config }) => {
    const rules = config?.countersign;
    if (rules !== undefined && rules !== false) routes.set(rules, verifier.route(rules));
  });
  app.addHook('onRequest', async (request: FastifyRequest, reply) => {
    const rules = request.routeOptions.config?.countersign;
    if (rules === false) return;
    const own = rules === undefined ? verifier : (routes.get(rules) ?? verifier.route(rules));
    const parts = { target: request.originalUrl, advice: ADVICE };
    const keepHeaders = () => {
      // What hooks before this one set, such as CORS.
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
    };
    const admission = await admit(own, request.raw, reply.raw, parts, keepHeaders);
    if (admission === undefined) reply.hijack();
    else request.caller = admission.caller;
  });
  done();
};

/**
 * Plugin for Fastify 5: verifies every request in the context it is registered in, before bodies are parsed. Refused requests
 * are answered here; of the others `request.caller` tells who called.
 *
 * @throws from `register`, if Fastify is another version
 * @example
 * await app.register(countersign, { verifier });
 * app.get('/public', { config: { countersign: { optional: true } } }, async ({ caller }) => caller?.identity);
 */
export const countersign: FastifyPluginCallback<CountersignOptions> = Object.assign(plugin, {
  // Hooks belong to the context that registers the plugin, not to one of its own.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'countersign',
  [Symbol.for('plugin-meta')]: { fastify: '5.x', name: 'countersign' },
});
