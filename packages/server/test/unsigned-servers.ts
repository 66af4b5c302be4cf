import 'reflect-metadata';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Accepted, Verifier } from '@countersign/server';
import { countersign as expressCountersign } from '@countersign/server/express';
import { countersign as fastifyCountersign } from '@countersign/server/fastify';
import { protect as fetchProtect } from '@countersign/server/fetch';
import { countersign as honoCountersign } from '@countersign/server/hono';
import { countersign as koaCountersign } from '@countersign/server/koa';
import { Caller, CountersignGuard, Signed } from '@countersign/server/nestjs';
import { protect } from '@countersign/server/node';
import { createAdaptorServer } from '@hono/node-server';
import { All, Controller, Module, RawBody } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import express4 from 'express4';
import fastify, { type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { listening, type StartServer } from './adapter-servers.js';

/** The one route that takes bodies nobody signed. */
export const UNSIGNED = '/unsigned';
/** Any other. */
export const CHECKED = '/checked';
const RULES = { body: 'unsigned' } as const;

const statusOf = (error: unknown) => (error as { status?: number }).status ?? 500;

const node: StartServer = (verifier) => {
  const handlerOf = (rules: Verifier) =>
    protect(rules, (request, response) =>
      text(request).then(
        (body) => response.end(body),
        (error) => response.writeHead(statusOf(error)).end(),
      ),
    );
  const [checked, unsigned] = [handlerOf(verifier), handlerOf(verifier.route(RULES))];
  return listening(
    createServer((request, response) =>
      (request.url?.split('?')[0] === UNSIGNED ? unsigned : checked)(request, response),
    ),
  );
};

const expressOf =
  (framework: typeof express): StartServer =>
  (verifier) => {
    const app = framework();
    const echo: express.RequestHandler = (req, res, next) => {
      text(req).then((body) => res.end(body), next);
    };
    app.all(UNSIGNED, expressCountersign(verifier.route(RULES)), echo);
    app.use(expressCountersign(verifier), echo);
    return listening(createServer(app));
  };

const koa: StartServer = (verifier) => {
  const app = new Koa();
  app.silent = true;
  const [checked, unsigned] = [koaCountersign(verifier), koaCountersign(verifier.route(RULES))];
  app.use((ctx, next) => (ctx.path === UNSIGNED ? unsigned : checked)(ctx as never, next));
  app.use(async (ctx) => {
    ctx.body = await text(ctx.req);
  });
  return listening(createServer(app.callback()));
};

const fastifyServer: StartServer = async (verifier) => {
  const app = fastify();
  await app.register(fastifyCountersign, { verifier });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_: FastifyRequest, payload: IncomingMessage) => text(payload));
  const echo = async ({ body }: FastifyRequest) => body;
  app.post(UNSIGNED, { config: { countersign: RULES } }, echo);
  app.post(CHECKED, echo);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
};

const hono: StartServer = (verifier) => {
  const app = new Hono();
  app.onError((error, c) => c.body(null, statusOf(error) as 500));
  app.use(UNSIGNED, honoCountersign(verifier.route(RULES)));
  app.use(CHECKED, honoCountersign(verifier));
  app.all('*', async (c) => c.body(await c.req.text()));
  return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
};

const fetchServer: StartServer = (verifier) => {
  const echo = async (request: Request) =>
    request.text().then(
      (body) => new Response(body),
      (error) => new Response(null, { status: statusOf(error) }),
    );
  const checked = fetchProtect(verifier, echo);
  const unsigned = fetchProtect(verifier.route(RULES), echo);
  const app = (request: Request) =>
    new URL(request.url).pathname === UNSIGNED ? unsigned(request) : checked(request);
  return listening(createAdaptorServer({ fetch: app }) as Server);
};

const nest: StartServer = async (verifier) => {
  class Routes {
    checked(caller: Accepted, raw: Buffer): string {
      return Buffer.from(caller.body).equals(raw) ? String(raw) : '';
    }
    unsigned(caller: Accepted, raw: Buffer): string {
      return this.checked(caller, raw);
    }
  }
  // What the decorators of a class would do.
  for (const [name, path] of [
    ['checked', CHECKED],
    ['unsigned', UNSIGNED],
  ] as const) {
    const method = Object.getOwnPropertyDescriptor(Routes.prototype, name) as PropertyDescriptor;
    Caller()(Routes.prototype, name, 0);
    RawBody()(Routes.prototype, name, 1);
    All(path)(Routes.prototype, name, method);
    if (name === 'unsigned') Signed(RULES)(Routes.prototype, name, method);
  }
  Controller()(Routes);
  class App {}
  Module({ controllers: [Routes] })(App);
  const app = await NestFactory.create(App, { rawBody: true, logger: false });
  app.useGlobalGuards(new CountersignGuard(verifier));
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return { port, close: () => app.close() };
};

/** Every adapter with a route of either kind, which answers with the body it got, by the name of its server. */
export const SERVERS: Readonly<Record<string, StartServer>> = {
  'node:http': node,
  'Express 5': expressOf(express),
  'Express 4': expressOf(express4),
  Koa: koa,
  Fastify: fastifyServer,
  'Hono on Node': hono,
  Fetch: fetchServer,
  NestJS: nest,
};
