// Requests per second and latency over real HTTP: bare node:http, Countersign and hawk in front of one handler, in turns.
import { startServer } from '../server-process.mjs';
import { sendAll } from './http-load.mjs';
import { requestsFor } from './load-requests.mjs';
import { median, ratioOf } from './rounds.mjs';

const KINDS = ['bare', 'countersign', 'hawk'];

/**
 * @returns for each kind: requests per second, milliseconds of latency, microseconds of CPU, their ratios to the bare server, and
 *   the share of time that the server was at work: where that is far below 1, the client held it up, and only CPU compares
 */
export async function load({ rounds, count, told = () => {} }) {
  const servers = {};
  const measured = Object.fromEntries(KINDS.map((kind) => [kind, []]));
  try {
    for (const kind of KINDS) {
      servers[kind] = await startServer('lib/load-servers.mjs', [kind]);
      await send(servers[kind], kind, count); // warms up
    }
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < KINDS.length; turn++) {
        const kind = KINDS[(round + turn) % KINDS.length];
        measured[kind].push(await send(servers[kind], kind, count));
      }
      told(round + 1, rounds);
    }
  } finally {
    for (const server of Object.values(servers)) await server.end();
  }
  const all = (kind, member) => measured[kind].map((each) => each[member]);
  const middle = (kind, member) => median(all(kind, member));
  return KINDS.map((kind) => ({
    kind,
    rate: middle(kind, 'rate'),
    ratio: ratioOf(all(kind, 'rate'), all('bare', 'rate')),
    p50: middle(kind, 'p50'),
    p99: middle(kind, 'p99'),
    p999: middle(kind, 'p999'),
    cpu: middle(kind, 'cpu'),
    cpuRatio: ratioOf(all(kind, 'cpu'), all('bare', 'cpu')),
    busy: middle(kind, 'busy'),
  }));
}

async function send(server, kind, count) {
  const requests = requestsFor(kind, count);
  const before = await server.ask('cpu');
  const { seconds, ...measured } = await sendAll(server.port, requests);
  const cpu = (await server.ask('cpu')) - before;
  return { ...measured, cpu: cpu / count, busy: cpu / 1e6 / seconds };
}
