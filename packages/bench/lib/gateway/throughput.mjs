// Requests a second and latency through the gateway, beside the same proxy without verification and what else there is.
import { readFileSync } from 'node:fs';
import { freePort, startNginx } from '@countersign/test-servers';
import { startServer } from '../../server-process.mjs';
import { sendAll } from '../http-load.mjs';
import { requestsFor } from '../load-requests.mjs';
import { sendPaced } from '../paced-load.mjs';
import { median, ratioOf } from '../rounds.mjs';

const BASE = 'unverifying';
const NODES = [BASE, 'gateway', 'gateway with log and metrics', 'fastify-http-proxy'];

/** nginx by the recipe of docs/deploy, with the ports of this run. */
async function startByRecipe(endpoint, service) {
  const text = readFileSync(new URL('../../../../docs/deploy/nginx.conf', import.meta.url), 'utf8');
  const port = await freePort();
  const http = text
    .replaceAll('127.0.0.1:9000', `127.0.0.1:${endpoint}`)
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${service}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`);
  return { port, nginx: await startNginx({ http, server: '' }) };
}

export async function throughput({ rounds, count, told = () => {} }) {
  const children = [];
  const start = async (...args) => {
    const child = await startServer('lib/gateway/servers.mjs', args);
    children.push(child);
    return child;
  };
  let nginx;
  try {
    const service = await start('service');
    const ports = {};
    for (const kind of NODES) ports[kind] = (await start(kind, `${service.port}`)).port;
    const endpoint = await start('forward-auth');
    const asking = await startByRecipe(endpoint.port, service.port);
    nginx = asking.nginx;
    ports['nginx, auth_request'] = asking.port;
    const kinds = Object.keys(ports);
    const measured = Object.fromEntries(kinds.map((kind) => [kind, []]));
    for (const kind of kinds) await sendAll(ports[kind], requestsFor('countersign', count));
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < kinds.length; turn++) {
        const kind = kinds[(round + turn) % kinds.length];
        measured[kind].push(await sendAll(ports[kind], requestsFor('countersign', count)));
      }
      told(round + 1, rounds);
    }
    const rates = (kind) => measured[kind].map(({ rate }) => rate);
    const half = median(rates('gateway')) / 2;
    const calm = await atHalf([BASE, 'gateway'], ports, half, rounds, count);
    return {
      half,
      rows: kinds.map((kind) => ({
        kind,
        rate: median(rates(kind)),
        ratio: ratioOf(rates(kind), rates(BASE)),
        p50: median(measured[kind].map(({ p50 }) => p50)),
        p99: median(measured[kind].map(({ p99 }) => p99)),
        calm: calm[kind],
      })),
    };
  } finally {
    await nginx?.close();
    for (const child of children) await child.end();
  }
}

/** Latency where nothing waits for the gateway; `added` is by how much the p99 is longer than the first one's, in milliseconds. */
async function atHalf(kinds, ports, rate, rounds, count) {
  const times = Object.fromEntries(kinds.map((kind) => [kind, []]));
  const few = Math.min(count, Math.ceil(rate * 2));
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      times[kind].push(await sendPaced(ports[kind], requestsFor('countersign', few), rate));
    }
  }
  const [base] = kinds;
  return Object.fromEntries(
    kinds.map((kind) => [
      kind,
      {
        p50: median(times[kind].map(({ p50 }) => p50)),
        p99: median(times[kind].map(({ p99 }) => p99)),
        added: median(times[kind].map(({ p99 }, round) => p99 - times[base][round].p99)),
      },
    ]),
  );
}
