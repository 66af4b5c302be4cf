// Verifications a second by one worker of node:cluster and by two, on one Redis.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median } from './rounds.mjs';

const WORKERS = [1, 2];

/** @param options - `url` of the Redis, `count` of requests of each worker in a round */
export async function clusterThroughput({ url, rounds, count, told = () => {} }) {
  if (url === undefined) {
    throw new Error('cluster: it needs a Redis; set REDIS_URL, such as redis://127.0.0.1:6379');
  }
  const exec = fileURLToPath(new URL('cluster-worker.mjs', import.meta.url));
  cluster.setupPrimary({ exec, args: [url, `bench:${process.pid}:`, `${count}`] });
  const workers = WORKERS.map(() => cluster.fork());
  const rates = Object.fromEntries(WORKERS.map((number) => [number, []]));
  try {
    await Promise.all(workers.map(answerOf));
    for (let round = -1; round < rounds; round++) {
      for (const number of WORKERS) {
        const active = workers.slice(0, number);
        await all(active, 'prepare');
        const start = performance.now();
        await all(active, 'go');
        const rate = (number * count * 1000) / (performance.now() - start);
        if (round >= 0) rates[number].push(rate);
      }
      told(round + 1, rounds);
    }
    await proveShared(workers);
  } finally {
    for (const worker of workers) worker.process.kill();
  }
  return WORKERS.map((number) => ({
    workers: number,
    rate: median(rates[number]),
    least: Math.min(...rates[number]),
    most: Math.max(...rates[number]),
  }));
}

/** What one worker has accepted, the other must refuse. */
async function proveShared([one, other]) {
  const verdict = await ask(other, await ask(one, 'show'));
  if (verdict !== 'nonce_replayed') throw new Error(`cluster: a replay is ${verdict}`);
}

async function all(workers, order) {
  for (const answer of await Promise.all(workers.map((worker) => ask(worker, order)))) {
    if (answer !== 'done') throw new Error(`cluster: ${answer}`);
  }
}

function ask(worker, order) {
  const answer = answerOf(worker);
  worker.send(order);
  return answer;
}

/** The next message of a worker; rejects if it ends instead. */
async function answerOf(worker) {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ended = once(worker, 'exit', { signal }).then(() => {
    throw new Error('cluster: a worker ended by itself');
  });
  try {
    const [answer] = await Promise.race([once(worker, 'message', { signal }), ended]);
    return answer;
  } finally {
    waiting.abort();
  }
}
