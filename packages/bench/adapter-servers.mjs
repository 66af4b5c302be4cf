// Every framework with one minimal handler, three times: bare, verified by hand, and behind its adapter. The child process of
// adapters.mjs: node adapter-servers.mjs <framework> <variant>
import 'reflect-metadata';
import { createServer } from 'node:http';
import { countersign as expressCountersign } from '@countersign/server/express';
import { countersign as fastifyCountersign } from '@countersign/server/fastify';
import { protect as fetchProtect } from '@countersign/server/fetch';
import { countersign as honoCountersign } from '@countersign/server/hono';
import { countersign as koaCountersign } from '@countersign/server/koa';
import { CountersignGuard } from '@countersign/server/nestjs';
import { protect } from '@countersign/server/node';
import { createAdaptorServer } from '@hono/node-server';
import { All, Controller, HttpCode, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { newVerifier, serveParent } from './server-process.mjs';

const PATH = '/v1/orders';

/** What every handler answers, so that it must have parsed the body of a POST. */
const answer = (order) => ({ ok: true, item: order?.item ?? null });
const parsed = (bytes) => (bytes === undefined ? undefined : JSON.parse(bytes.toString()));

const viewOf = ({ method, url, rawHeaders }, body) => ({
  method,
  target: url,
  headers: rawHeaders,
  body,
});
/** Ends the server, and so the run, if a request is refused that should not be. */
function mustBeAccepted(verdict) {
  if (verdict.verdict === 'accepted') return;
  console.error(`refused: ${verdict.code}: ${verdict.detail}`);
  process.exit(1);
}

/** The body of a request of Node, the cheap way; `undefined` for a GET. */
function bytesOf(request) {
  if (request.method === 'GET') return undefined;
  return new Promise((resolve, reject) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => resolve(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)));
    request.on('error', reject);
  });
}

const node = {
  async handler(request, response) {
    node.send(response, parsed(await bytesOf(request)));
  },
  send(response, order) {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(answer(order)));
  },
  bare: () => createServer(node.handler),
  verify: (verifier) =>
    createServer(async (request, response) => {
      const bytes = await bytesOf(request);
      mustBeAccepted(await verifier.verify(viewOf(request, bytes)));
      node.send(response, parsed(bytes));
    }),
  adapter: (verifier) => createServer(protect(verifier, node.handler)),
};

const expressServer = (handler, ...before) => {
  const app = express();
  for (const middleware of before) app.use(middleware);
  app.get(PATH, handler).post(PATH, handler);
  return createServer(app);
};
const expressHandler = (request, response) => response.json(answer(request.body));
const keepBytes = (request, _response, bytes) => {
  request.bytes = bytes;
};
const expressVariants = {
  bare: () => expressServer(expressHandler, express.json()),
  verify: (verifier) =>
    expressServer(
      async (request, response) => {
        mustBeAccepted(await verifier.verify(viewOf(request, request.bytes)));
        expressHandler(request, response);
      },
      express.json({ verify: keepBytes }),
    ),
  adapter: (verifier) =>
    expressServer(expressHandler, expressCountersign(verifier), express.json()),
};

const fastifyServer = async (handler, prepare) => {
  const app = fastify();
  await prepare?.(app);
  app.get(PATH, handler);
  app.post(PATH, handler);
  await app.ready();
  return app.server;
};
const fastifyHandler = async (request) => answer(request.body);
const fastifyVariants = {
  bare: () => fastifyServer(fastifyHandler),
  verify: (verifier) =>
    fastifyServer(
      async (request) => {
        mustBeAccepted(await verifier.verify(viewOf(request.raw, request.bytes)));
        return fastifyHandler(request);
      },
      (app) => {
        const parser = app.getDefaultJsonParser('error', 'error'); // the one it has anyway
        app.decorateRequest('bytes');
        const options = { parseAs: 'buffer' };
        app.addContentTypeParser('application/json', options, (request, bytes, done) => {
          request.bytes = bytes;
          parser(request, bytes.toString(), done);
        });
      },
    ),
  adapter: (verifier) =>
    fastifyServer(fastifyHandler, (app) => app.register(fastifyCountersign, { verifier })),
};

const koaServer = (...middleware) => {
  const app = new Koa();
  for (const each of middleware) app.use(each);
  return createServer(app.callback());
};
const koaHandler = async (ctx) => {
  ctx.body = answer(parsed(await bytesOf(ctx.req)));
};
const koaVariants = {
  bare: () => koaServer(koaHandler),
  verify: (verifier) =>
    koaServer(async (ctx) => {
      const bytes = await bytesOf(ctx.req);
      mustBeAccepted(await verifier.verify(viewOf(ctx.req, bytes)));
      ctx.body = answer(parsed(bytes));
    }),
  adapter: (verifier) => koaServer(koaCountersign(verifier), koaHandler),
};

const honoServer = (handler, ...before) => {
  const app = new Hono();
  for (const middleware of before) app.use(middleware);
  app.get(PATH, handler).post(PATH, handler);
  return createAdaptorServer({ fetch: app.fetch });
};
const honoHandler = async (c) =>
  c.json(answer(c.req.method === 'GET' ? undefined : await c.req.json()));
const honoVariants = {
  bare: () => honoServer(honoHandler),
  verify: (verifier) =>
    honoServer(async (c) => {
      const bytes = await fetchBytes(c.req);
      mustBeAccepted(await verifier.verify(viewOf(c.env.incoming, bytes)));
      return c.json(answer(parsed(bytes)));
    }),
  adapter: (verifier) => honoServer(honoHandler, honoCountersign(verifier)),
};
const fetchBytes = async (request) =>
  request.method === 'GET' ? undefined : Buffer.from(await request.arrayBuffer());

const fetchHandler = async (request) =>
  Response.json(answer(request.method === 'GET' ? undefined : await request.json()));
const fetchVariants = {
  bare: () => createAdaptorServer({ fetch: fetchHandler }),
  verify: (verifier) =>
    createAdaptorServer({
      async fetch(request) {
        const { method, url } = request;
        const target = url.slice(url.indexOf('/', 8));
        const headers = [...request.headers].flat();
        const body = await fetchBytes(request);
        mustBeAccepted(await verifier.verify({ method, target, headers, body }));
        return Response.json(answer(parsed(body)));
      },
    }),
  adapter: (verifier) => createAdaptorServer({ fetch: fetchProtect(verifier, fetchHandler) }),
};

/** A controller with one method, decorated as the compiler of TypeScript would. */
const nestServer = async (handler, { guard, ...options } = {}) => {
  class Orders {
    orders(request) {
      return handler(request);
    }
  }
  const property = Object.getOwnPropertyDescriptor(Orders.prototype, 'orders');
  Req()(Orders.prototype, 'orders', 0);
  for (const decorate of [All(PATH), HttpCode(200)]) {
    decorate(Orders.prototype, 'orders', property);
  }
  Controller()(Orders);
  class App {}
  Module({ controllers: [Orders] })(App);
  const app = await NestFactory.create(App, { logger: false, ...options });
  if (guard !== undefined) app.useGlobalGuards(guard);
  await app.init();
  return app.getHttpServer();
};
const nestHandler = (request) => answer(request.body);
const nestVariants = {
  bare: () => nestServer(nestHandler),
  verify: (verifier) =>
    nestServer(
      async (request) => {
        mustBeAccepted(await verifier.verify(viewOf(request, request.rawBody)));
        return nestHandler(request);
      },
      { rawBody: true },
    ),
  adapter: (verifier) =>
    nestServer(nestHandler, { rawBody: true, guard: new CountersignGuard(verifier) }),
};

const FRAMEWORKS = {
  'node:http': node,
  Express: expressVariants,
  Fastify: fastifyVariants,
  Koa: koaVariants,
  Hono: honoVariants,
  Fetch: fetchVariants,
  NestJS: nestVariants,
};

const [framework, variant] = process.argv.slice(2);
const server = await FRAMEWORKS[framework][variant](newVerifier());
await serveParent(server, {
  /** Microseconds of CPU that this process has spent. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
});
