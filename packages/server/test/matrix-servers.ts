import 'reflect-metadata';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Accepted } from '@countersign/server';
import { countersign as expressCountersign } from '@countersign/server/express';
import { countersign as fastifyCountersign } from '@countersign/server/fastify';
import { protect as fetchProtect } from '@countersign/server/fetch';
import { countersign as honoCountersign } from '@countersign/server/hono';
import { countersign as koaCountersign } from '@countersign/server/koa';
import { Caller, CountersignGuard } from '@countersign/server/nestjs';
import { answerClientErrors, protect } from '@countersign/server/node';
import type { MatrixAdapter, SeenRequest } from '@countersign/testkit';
import { createAdaptorServer } from '@hono/node-server';
import { All, Controller, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import express4 from 'express4';
import fastify, { type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { listening } from './adapter-servers.js';
import { DECODED_BODY, FETCH_DIFFERS, REWRITTEN_HOST, UNDECODABLE } from './matrix-differences.js';

type Start = MatrixAdapter['start'];
type Handled = (seen: SeenRequest) => void;

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

const node: Start = (verifier, handled) => {
  const server = createServer(
    protect(verifier, async (request, response) => {
      const { method = '', url: target = '' } = request;
      handled({ method, target, body: await bytesOf(request) });
      response.end();
    }),
  );
  server.on('clientError', answerClientErrors(verifier));
  return listening(server);
};

const expressOf =
  (framework: typeof express): Start =>
  (verifier, handled) => {
    const app = framework();
    app.use(expressCountersign(verifier));
    app.use((req, res, next) => {
      const { method, originalUrl: target } = req;
      bytesOf(req)
        .then((body) => handled({ method, target, body }))
        .then(() => res.end(), next);
    });
    return listening(createServer(app));
  };

const koa: Start = (verifier, handled) => {
  const app = new Koa();
  app.silent = true;
  app.use(koaCountersign(verifier)).use(async (ctx) => {
    handled({ method: ctx.method, target: ctx.originalUrl, body: await bytesOf(ctx.req) });
    ctx.status = 200;
    ctx.body = '';
  });
  return listening(createServer(app.callback()));
};

const fastifyStart: Start = async (verifier, handled) => {
  const app = fastify({ bodyLimit: 2 ** 21 });
  await app.register(fastifyCountersign, { verifier });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  for (const method of ['PROPFIND', 'REPORT', 'PURGE', 'M-SEARCH', 'TRACE']) {
    app.addHttpMethod(method, { hasBody: true });
  }
  const handler = async ({ method, originalUrl: target, body }: FastifyRequest) => {
    handled({ method, target, body: body as Uint8Array | undefined });
    return '';
  };
  app.all('*', handler);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
};

const hono: Start = (verifier, handled) => {
  const app = new Hono();
  app.use(honoCountersign(verifier));
  app.all('*', async (c) => {
    handled(await seenByFetch(c.req.raw));
    return c.body(null, 200);
  });
  return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
};

const fetchStart: Start = (verifier, handled) => {
  const app = fetchProtect(verifier, async (request) => {
    handled(await seenByFetch(request));
    return new Response();
  });
  return listening(createAdaptorServer({ fetch: (request) => app(request) }) as Server);
};

async function seenByFetch(request: Request): Promise<SeenRequest> {
  const { method, url } = request;
  const body = new Uint8Array(await request.arrayBuffer());
  return { method, target: url.slice(url.indexOf('/', 8)), body };
}

const nest: Start = async (verifier, handled) => {
  const app = await NestFactory.create(nestModule(handled), { rawBody: true, logger: false });
  app.useGlobalGuards(new CountersignGuard(verifier));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { port, close: () => app.close() };
};

function nestModule(handled: Handled): new () => object {
  class Everything {
    handle({ method, originalUrl: target }: express.Request, { body }: Accepted): void {
      handled({ method, target, body });
    }
  }
  // What the decorators of a class would do.
  const prototype = Everything.prototype;
  const handle = Object.getOwnPropertyDescriptor(prototype, 'handle') as PropertyDescriptor;
  Req()(prototype, 'handle', 0);
  Caller()(prototype, 'handle', 1);
  All(['/', '*path'])(prototype, 'handle', handle as TypedPropertyDescriptor<unknown>);
  Controller()(Everything);
  class App {}
  Module({ controllers: [Everything] })(App);
  return App;
}

/** Every adapter, and where it cannot but differ from `node:http`; the docs of each say the same. */
export const ADAPTERS: Readonly<Record<string, MatrixAdapter & { page: string }>> = {
  'node:http': { page: 'node', start: node },
  'Express 5': { page: 'express', start: expressOf(express) },
  'Express 4': { page: 'express', start: expressOf(express4) },
  Koa: { page: 'koa', start: koa },
  Fastify: { page: 'fastify', start: fastifyStart, hidesGetBody: true, differs: [UNDECODABLE] },
  'Hono on Node': {
    page: 'hono',
    start: hono,
    hidesGetBody: true,
    encodesTargets: true,
    differs: [REWRITTEN_HOST],
  },
  Fetch: {
    page: 'fetch',
    start: fetchStart,
    hidesGetBody: true,
    encodesTargets: true,
    differs: FETCH_DIFFERS,
  },
  NestJS: { page: 'nestjs', start: nest, differs: [UNDECODABLE, DECODED_BODY] },
};
