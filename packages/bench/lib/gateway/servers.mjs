// A service, and proxies in front of it, each a child process of gateway.mjs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  attachReverseProxy,
  createForwardAuth,
  createReverseProxy,
  startGateway,
  Upstreams,
} from '@countersign/gateway';
import { CALLER, HOST, newVerifier } from '../../server-process.mjs';

const [kind, upstreamPort] = process.argv.slice(2);
const origin = `http://127.0.0.1:${upstreamPort}`;
const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'countersign');

/** Answers 1 KiB of JSON; counts what it is sent; `/download/N` gives N bytes. */
function service() {
  const answer = JSON.stringify({ note: 'n'.repeat(1000) });
  return createServer((request, response) => {
    const [, wanted] = /^\/download\/(\d+)$/.exec(request.url) ?? [];
    request.resume().on('end', () => {
      if (wanted === undefined) {
        response.setHeader('Content-Type', 'application/json');
        response.end(answer);
        return;
      }
      response.setHeader('Content-Length', wanted);
      let left = Number(wanted);
      Readable.from(
        (function* () {
          for (; left > 0; left -= PIECE.length)
            yield PIECE.subarray(0, Math.min(left, PIECE.length));
        })(),
      ).pipe(response);
    });
  });
}

/** Reads bodies as the real one does, and lets everything through. */
const UNVERIFYING = {
  async verify({ body, target }) {
    const bytes =
      body?.read === undefined ? body : await body.read({ maxBytes: 10 * MIB, timeout: 10_000 });
    const identity = { credential: 'anybody', group: undefined, signedHeaders: [] };
    return { verdict: 'accepted', identity, target, body: bytes ?? Buffer.alloc(0) };
  },
  maxResponseBytes: undefined,
};

function unverifying() {
  const proxy = createReverseProxy({
    verifier: UNVERIFYING,
    upstreams: new Upstreams({ origins: [origin] }),
  });
  const server = createServer();
  attachReverseProxy(
    server,
    () => proxy,
    () => UNVERIFYING,
  );
  return listening(server);
}

async function gateway(more) {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const { credential, secret } = CALLER;
  writeFileSync(
    join(directory, 'keys.json'),
    JSON.stringify({ keys: [{ credential, secrets: [{ secret }] }] }),
  );
  const config = {
    hosts: [HOST],
    keys: { file: 'keys.json' },
    nonces: { memory: { start: 'fresh', capacity: 2 ** 24 } },
    proxy: {
      listen: '127.0.0.1:0',
      upstream: origin,
      maxBodyBytes: 600 * MIB,
      bodyTimeout: 600_000,
      stream: { routes: ['POST /stream/**'] },
    },
    audit: { to: 'none' },
    ...more(directory),
  };
  writeFileSync(join(directory, 'gateway.yaml'), JSON.stringify(config));
  const running = await startGateway({
    config: join(directory, 'gateway.yaml'),
    env: {},
    said: { write() {} },
  });
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return Number(running.addresses.proxy.split(':').at(-1));
}

async function fastifyProxy() {
  // Only here, so that the memory of the others has nothing of it.
  const { default: Fastify } = await import('fastify');
  const { default: httpProxy } = await import('@fastify/http-proxy');
  const app = Fastify();
  await app.register(httpProxy, { upstream: origin });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server.address().port;
}

async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

const KINDS = {
  service: () => listening(service()),
  unverifying,
  gateway: () => gateway(() => ({})),
  'gateway with log and metrics': () =>
    gateway((directory) => ({
      audit: { to: join(directory, 'audit.log') },
      admin: { listen: '127.0.0.1:0' },
    })),
  'forward-auth': () =>
    listening(createServer(createForwardAuth({ verifier: newVerifier(), bodyCheck: 'upstream' }))),
  'fastify-http-proxy': fastifyProxy,
};

const answers = {
  rss() {
    globalThis.gc?.();
    return process.memoryUsage().rss;
  },
  live: () => process.memoryUsage().rss,
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};
process.on('disconnect', () => process.exit());
process.on('message', (name) => process.send(answers[name]()));
process.send({ port: await KINDS[kind]() });
