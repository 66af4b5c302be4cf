// Requests per second and latency over real HTTP: bare node:http, Countersign and hawk in front of one handler, in turns.
import autocannon from 'autocannon';
import { startServer } from '../server-process.mjs';
import { requestsFor } from './load-requests.mjs';
import { median, ratioOf } from './rounds.mjs';

const KINDS = ['bare', 'countersign', 'hawk'];
const CONNECTIONS = 16;

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
  let [start, end, done, shares] = [0, 0, 0, 0];
  const latencies = [];
  await new Promise((resolve, reject) => {
    const run = autocannon(
      {
        url: `http://127.0.0.1:${server.port}`,
        connections: CONNECTIONS,
        amount: count,
        setupClient(client) {
          const share = shares++;
          client.setRequests(requests.filter((_, i) => i % CONNECTIONS === share));
        },
      },
      (error) => (error ? reject(error) : resolve()),
    );
    // A client that sleeps between two answers is woken for each of them, and the server pays for that.
    const stayAwake = () => done < count && setImmediate(stayAwake);
    run.on('start', () => {
      start = performance.now();
      stayAwake();
    });
    const fail = (error) => {
      done = count;
      run.stop();
      reject(error);
    };
    run.on('reqError', fail);
    run.on('response', (_client, status, _bytes, milliseconds) => {
      latencies.push(milliseconds);
      if (status !== 200) return fail(new Error(`${kind}: answered ${status}`));
      if (++done === count) end = performance.now();
    });
  });
  latencies.sort((a, b) => a - b);
  const at = (share) =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
  const cpu = (await server.ask('cpu')) - before;
  const seconds = (end - start) / 1000;
  return {
    rate: count / seconds,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    cpu: cpu / count,
    busy: cpu / 1e6 / seconds,
  };
}
