// A route for large bodies on every framework that can hand one on while it arrives. The child process of upload.mjs:
// node --expose-gc upload-servers.mjs <framework> <bare or adapter>
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { countersign as expressCountersign } from '@countersign/server/express';
import { countersign as fastifyCountersign } from '@countersign/server/fastify';
import { protect as fetchProtect } from '@countersign/server/fetch';
import { countersign as honoCountersign } from '@countersign/server/hono';
import { countersign as koaCountersign } from '@countersign/server/koa';
import { protect } from '@countersign/server/node';
import { createAdaptorServer } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { newVerifier, serveParent } from './server-process.mjs';

const UPLOAD = { body: 'stream', maxBodyBytes: 2 ** 31, bodyTimeout: 600_000 };
const SAMPLE = 20; // milliseconds
const PATH = '/upload';

/** What a handler answers: how many bytes it was given, or the refusal that ended the stream. */
async function result(stream) {
  let bytes = 0;
  try {
    for await (const piece of stream) bytes += piece.length;
    return { status: 200, json: { bytes } };
  } catch (error) {
    return { status: error.status ?? 500, json: { bytes, code: error.refusal?.code } };
  }
}

/** Each with its adapter, or bare if there is no verifier. */
const FRAMEWORKS = {
  'node:http'(verifier) {
    const handler = async (request, response) => {
      const { status, json } = await result(request);
      response.writeHead(status).end(JSON.stringify(json));
    };
    return createServer(verifier ? protect(verifier.route(UPLOAD), handler) : handler);
  },
  Express(verifier) {
    const app = express();
    if (verifier) app.use(PATH, expressCountersign(verifier.route(UPLOAD)));
    app.put(PATH, async (request, response) => {
      const { status, json } = await result(request);
      response.status(status).json(json);
    });
    return createServer(app);
  },
  async Fastify(verifier) {
    const app = fastify();
    if (verifier) await app.register(fastifyCountersign, { verifier });
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    app.put(PATH, { config: { countersign: UPLOAD } }, async (request, reply) => {
      const { status, json } = await result(request.body);
      reply.code(status);
      return json;
    });
    await app.ready();
    return app.server;
  },
  Koa(verifier) {
    const app = new Koa();
    if (verifier) app.use(koaCountersign(verifier.route(UPLOAD)));
    app.use(async (ctx) => {
      const { status, json } = await result(ctx.req);
      ctx.status = status;
      ctx.body = json;
    });
    return createServer(app.callback());
  },
  Hono(verifier) {
    const app = new Hono();
    if (verifier) app.use(PATH, honoCountersign(verifier.route(UPLOAD)));
    app.put(PATH, async (c) => {
      const { status, json } = await result(c.req.raw.body);
      return c.json(json, status);
    });
    return createAdaptorServer({ fetch: app.fetch });
  },
  Fetch(verifier) {
    const handler = async (request) => {
      const { status, json } = await result(request.body);
      return Response.json(json, { status });
    };
    return createAdaptorServer({
      fetch: verifier ? fetchProtect(verifier.route(UPLOAD), handler) : handler,
    });
  },
};

/** All memory of this process, with what nobody has collected yet. */
const resident = () => process.memoryUsage.rss();
/** What is still in use once everything else was collected. */
const held = () => {
  globalThis.gc();
  globalThis.gc(); // finishes what the first one still sweeps
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

let timer;
let baseline = 0;
let highest = 0;
/** Samples `memory` from here on. */
async function watch(memory) {
  // What is collected goes back to the system a little later.
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await sleep(100);
  }
  baseline = memory();
  highest = baseline;
  timer = setInterval(() => {
    highest = Math.max(highest, memory());
  }, SAMPLE);
  return { baseline };
}

const [framework, variant] = process.argv.slice(2);
const server = await FRAMEWORKS[framework](variant === 'bare' ? undefined : newVerifier());
await serveParent(server, {
  watchResident: () => watch(resident),
  watchHeld: () => watch(held),
  /** The bytes by which it grew at most. */
  growth() {
    clearInterval(timer);
    return { growth: highest - baseline };
  },
});
