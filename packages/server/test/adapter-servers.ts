import 'reflect-metadata';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { OptionalVerifier, Verifier } from '@countersign/server';
import { countersign as expressCountersign } from '@countersign/server/express';
import { countersign as fastifyCountersign } from '@countersign/server/fastify';
import { protect as fetchProtect } from '@countersign/server/fetch';
import { countersign as honoCountersign } from '@countersign/server/hono';
import { countersign as koaCountersign } from '@countersign/server/koa';
import { Caller, CountersignGuard, Signed } from '@countersign/server/nestjs';
import { protect, verifyBeforeContinue } from '@countersign/server/node';
import { createAdaptorServer } from '@hono/node-server';
import { All, Body, Controller, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';

export interface Started {
  readonly port: number;
  close(): Promise<void>;
}

/** What a handler says it saw. */
export interface Seen {
  credential: string | null;
  /** As the framework shows it, whole. */
  target: string;
  method: string;
  /** What the framework's own way of reading a body gave. */
  body: string;
}

/** Three routes: `/mount/json`, `/public` with optional credentials, `/upload` with a streamed body. */
export type StartServer = (verifier: Verifier) => Promise<Started>;

const UPLOAD = { body: 'stream', maxBodyBytes: 2 ** 30 } as const;

export async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

const statusOf = (error: unknown) => (error as { status?: number }).status ?? 500;

export async function listening(server: Server): Promise<Started> {
  verifyBeforeContinue(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function nodeListener(verifier: Verifier): RequestListener {
  const routes: Record<string, OptionalVerifier> = {
    '/public': verifier.route({ optional: true }),
    '/upload': verifier.route(UPLOAD),
  };
  return (request, response) => {
    const chosen = routes[request.url?.split('?')[0] ?? ''] ?? verifier;
    protect(chosen, async (_, __, caller) => {
      try {
        const body = await textOf(request);
        const { method = '', url: target = '' } = request;
        const credential = caller?.identity.credential ?? null;
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ credential, target, method, body } satisfies Seen));
      } catch (error) {
        response.writeHead(statusOf(error)).end();
      }
    })(request, response);
  };
}

const expressOf =
  (framework: typeof express): StartServer =>
  (verifier) => {
    const app = framework();
    const mounted = framework.Router();
    mounted.use(expressCountersign(verifier), framework.text({ type: () => true }));
    mounted.all('/json', (req, res) => {
      const body = typeof req.body === 'string' ? req.body : '';
      const { originalUrl: target, method } = req;
      res.json({ credential: req.caller?.identity.credential ?? null, target, method, body });
    });
    app.use('/mount', mounted);
    app.all('/public', expressCountersign(verifier.route({ optional: true })), (req, res) => {
      const credential = req.caller?.identity.credential ?? null;
      res.json({ credential, target: req.originalUrl, method: req.method, body: '' });
    });
    app.all('/upload', expressCountersign(verifier.route(UPLOAD)), async (req, res, next) => {
      try {
        const body = await textOf(req);
        const credential = req.caller?.identity.credential ?? null;
        res.json({ credential, target: req.originalUrl, method: req.method, body });
      } catch (error) {
        next(error);
      }
    });
    return listening(createServer(app));
  };

const koa: StartServer = (verifier) => {
  const app = new Koa();
  app.silent = true;
  const routes: Record<string, ReturnType<typeof koaCountersign>> = {
    '/public': koaCountersign(verifier.route({ optional: true })),
    '/upload': koaCountersign(verifier.route(UPLOAD)),
  };
  const main = koaCountersign(verifier);
  app.use((ctx, next) => (routes[ctx.path] ?? main)(ctx as never, next));
  app.use(async (ctx) => {
    const body = await textOf(ctx.req);
    const credential = ctx.state.caller?.identity.credential ?? null;
    ctx.body = { credential, target: ctx.originalUrl, method: ctx.method, body };
  });
  return listening(createServer(app.callback()));
};

const fastifyServer: StartServer = async (verifier) => {
  const app = fastify();
  await app.register(fastifyCountersign, { verifier });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => {
    textOf(payload).then((text) => done(null, text), done);
  });
  const handler = async (request: import('fastify').FastifyRequest) => {
    const { originalUrl: target, method, body } = request;
    return {
      credential: request.caller?.identity.credential ?? null,
      target,
      method,
      body: body ?? '',
    };
  };
  app.all('/mount/json', handler);
  app.all('/public', { config: { countersign: { optional: true } } }, handler);
  app.all('/upload', { config: { countersign: UPLOAD } }, handler);
  verifyBeforeContinue(app.server);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
};

const hono: StartServer = (verifier) => {
  const app = new Hono<{ Variables: { caller: import('@countersign/server').Accepted } }>();
  app.onError((error, c) => c.body(null, statusOf(error) as 500));
  app.use('/mount/*', honoCountersign(verifier));
  app.use('/public', honoCountersign(verifier.route({ optional: true })));
  app.use('/upload', honoCountersign(verifier.route(UPLOAD)));
  app.all('*', async (c) => {
    const { method, url } = c.req;
    const target = url.slice(url.indexOf('/', 8));
    const credential = c.get('caller')?.identity.credential ?? null;
    return c.json({ credential, target, method, body: await c.req.text() });
  });
  return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
};

const fetchServer: StartServer = (verifier) => {
  const routes: Record<string, OptionalVerifier> = {
    '/public': verifier.route({ optional: true }),
    '/upload': verifier.route(UPLOAD),
  };
  const app = (request: Request) =>
    fetchProtect(routes[new URL(request.url).pathname] ?? verifier, async (verified, caller) => {
      const { method, url } = verified;
      const target = url.slice(url.indexOf('/', 8));
      const credential = caller?.identity.credential ?? null;
      try {
        return Response.json({ credential, target, method, body: await verified.text() });
      } catch (error) {
        return new Response(null, { status: statusOf(error) });
      }
    })(request);
  return listening(createAdaptorServer({ fetch: app }) as Server);
};

const nest: StartServer = async (verifier) => {
  class Orders {
    async json(request: import('express').Request, body: unknown, caller: unknown) {
      const { originalUrl: target, method } = request;
      const known = caller as import('@countersign/server').Accepted | undefined;
      const text = request.readableEnded
        ? JSON.stringify(body ?? '')
        : await textOf(request).catch(() => '');
      const credential = known?.identity.credential ?? null;
      return { credential, target, method, body: text === '""' ? '' : text };
    }
    open(request: import('express').Request, body: unknown, caller: unknown) {
      return this.json(request, body, caller);
    }
  }
  // What the decorators of a class would do.
  for (const [name, path] of [
    ['json', 'mount/json'],
    ['open', 'public'],
  ] as const) {
    const property = Object.getOwnPropertyDescriptor(Orders.prototype, name);
    Req()(Orders.prototype, name, 0);
    Body()(Orders.prototype, name, 1);
    Caller()(Orders.prototype, name, 2);
    All(path)(Orders.prototype, name, property as TypedPropertyDescriptor<unknown>);
    if (name === 'open') {
      Signed({ optional: true })(Orders.prototype, name, property as PropertyDescriptor);
    }
  }
  Controller()(Orders);
  class App {}
  Module({ controllers: [Orders] })(App);
  const app = await NestFactory.create(App, { rawBody: true, logger: false });
  app.useGlobalGuards(new CountersignGuard(verifier));
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpServer() as Server;
  return { port: (server.address() as AddressInfo).port, close: () => app.close() };
};

/** Every adapter over HTTP/1.1, by the name of its server. */
export const SERVERS: Readonly<Record<string, StartServer>> = {
  'node:http': (verifier) => listening(createServer(nodeListener(verifier))),
  'Express 5': expressOf(express),
  'Express 4': expressOf(express4),
  Koa: koa,
  Fastify: fastifyServer,
  'Hono on Node': hono,
  Fetch: fetchServer,
  NestJS: nest,
};

/** `node:http2` in clear text. */
export async function startHttp2(verifier: Verifier): Promise<Started> {
  const server = createHttp2Server(nodeListener(verifier) as never);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
