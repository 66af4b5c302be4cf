// What each adapter costs, beyond what the verification costs that it is for. A server in a process of its own is loaded with
// requests that were signed before; its framework bare, verified by hand and behind the adapter take turns.
import { parseArgs } from 'node:util';
import { createSigner } from '@countersign/client';
import autocannon from 'autocannon';
import { CALLER, HOST, startServer } from './server-process.mjs';

const FRAMEWORKS = ['node:http', 'Express', 'Fastify', 'Koa', 'Hono', 'Fetch', 'NestJS'];
const VARIANTS = ['bare', 'verify', 'adapter'];
const CONNECTIONS = 16;
const WARM_UP = 10_000; // requests
const TARGET = 0.15;
const LEAST_BUSY = 0.9; // below, the server waited for the client
const HELP = `Usage: node packages/bench/adapters.mjs [options]

  --seconds <n>     length of one measurement, 0.5 to 60 (default 1)
  --rounds <n>      measurements of each variant; the median counts (default 15)
  --only <name>     one framework: ${FRAMEWORKS.join(', ')}; may be repeated
  --method <name>   POST, with 200 bytes of JSON, or GET (default POST)
  --json            print every measurement as JSON
  --help            print this

Examples:
  node packages/bench/adapters.mjs
  node packages/bench/adapters.mjs --only Express --only Koa --rounds 5
  node packages/bench/adapters.mjs --method GET --json > get.json
  node --cpu-prof --cpu-prof-dir=profiles packages/bench/adapters.mjs --only Fetch`;

const body = JSON.stringify({ item: 'A-17', note: 'x'.repeat(200 - 26) });
const signer = createSigner(CALLER);
const path = '/v1/orders';

/** Requests that nobody has sent yet: every one has its own nonce. */
function signedRequests(method, count) {
  const content =
    method === 'POST' ? { headers: { 'Content-Type': 'application/json' }, body } : {};
  const url = `http://${HOST}${path}`;
  return Array.from({ length: count }, () => {
    const signature = signer.sign({ method, url, ...content });
    return { method, path, ...content, headers: { Host: HOST, ...content.headers, ...signature } };
  });
}

/** Sends `count` signed requests, and tells what they cost: requests per second, microseconds of CPU, share of time at work. */
async function measure(server, { method, count, name }) {
  const requests = signedRequests(method, count);
  const cpuBefore = await server.ask('cpu');
  let [start, end, done] = [0, 0, 0];
  let shares = 0;
  let text = '';
  let immediate;
  await new Promise((resolve, reject) => {
    const run = autocannon(
      {
        url: `http://127.0.0.1:${server.port}`,
        connections: CONNECTIONS,
        amount: count,
        sampleInt: 100,
        // Each connection gets its share, and all of it is built before the first byte is sent.
        setupClient(client) {
          const share = shares++;
          client.setRequests(requests.filter((_, i) => i % CONNECTIONS === share));
          client.on('body', (bytes) => {
            text = bytes;
          });
        },
      },
      (error) => (error ? reject(error) : resolve()),
    );
    // A client that sleeps between two answers is woken for each of them, and the server pays for that.
    const stayAwake = () => {
      if (done < count) immediate = setImmediate(stayAwake);
    };
    const fail = (what) => {
      run.stop();
      clearImmediate(immediate);
      reject(new Error(`${name}: ${what}`));
    };
    run.on('start', () => {
      start = performance.now();
      stayAwake();
    });
    run.on('reqError', (error) => fail(error.message));
    run.on('response', (_client, status) => {
      if (status !== 200) fail(`answered ${status} instead of 200: ${text}`);
      if (++done === count) end = performance.now();
    });
  });
  const cpu = (await server.ask('cpu')) - cpuBefore;
  const seconds = (end - start) / 1000;
  return { rate: count / seconds, cpu: cpu / count, busy: cpu / 1e6 / seconds };
}

/** All rounds of one framework: for each round the measurement of each variant. */
async function measureFramework(framework, { method, seconds, rounds }) {
  const servers = {};
  const rates = {};
  try {
    for (const variant of VARIANTS) {
      servers[variant] = await startServer('adapter-servers.mjs', [framework, variant]);
      const name = `${framework}, ${variant}`;
      const warmUp = await measure(servers[variant], { method, count: WARM_UP, name });
      rates[variant] = warmUp.rate;
    }
    const measured = [];
    for (let round = 0; round < rounds; round++) {
      const results = {};
      for (let turn = 0; turn < VARIANTS.length; turn++) {
        const variant = VARIANTS[(round + turn) % VARIANTS.length];
        const name = `${framework}, ${variant}`;
        const count = Math.ceil(rates[variant] * seconds);
        results[variant] = await measure(servers[variant], { method, count, name });
        rates[variant] = results[variant].rate;
        const { rate, cpu } = results[variant];
        const figures = `${rate.toFixed(0)} req/s, ${cpu.toFixed(1)} µs of CPU each`;
        console.error(`round ${round + 1} of ${rounds}: ${name}: ${figures}`);
      }
      measured.push(results);
    }
    return measured;
  } finally {
    for (const server of Object.values(servers)) await server.end();
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const percent = (share) => `${(share * 100).toFixed(0)} %`;

/** Medians over the rounds. What is a comparison is made within each round first. */
function summary(framework, rounds) {
  const of = (variant, figure) => median(rounds.map((round) => round[variant][figure]));
  const each = (figure) => Object.fromEntries(VARIANTS.map((name) => [name, of(name, figure)]));
  const compare = (figure) => {
    const values = rounds.map(figure);
    return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
  };
  return {
    framework,
    rate: each('rate'),
    cpu: each('cpu'),
    busy: each('busy'),
    ratio: compare(({ bare, adapter }) => adapter.rate / bare.rate),
    overheadByRate: compare(
      ({ bare, verify, adapter }) => (1 / adapter.rate - 1 / verify.rate) * bare.rate,
    ),
    overheadByCpu: compare(({ bare, verify, adapter }) => (adapter.cpu - verify.cpu) / bare.cpu),
    rounds,
  };
}

function table(rows) {
  const head = ['framework'];
  head.push('req/s bare', 'req/s by hand', 'req/s with Countersign', 'ratio');
  head.push('CPU µs bare', 'CPU µs by hand', 'CPU µs with Countersign');
  head.push('own overhead by req/s', 'own overhead by CPU (range)');
  const cells = rows.map(({ framework, rate, cpu, ratio, overheadByRate, overheadByCpu }) => [
    framework,
    ...VARIANTS.map((variant) => rate[variant].toFixed(0)),
    ratio.median.toFixed(2),
    ...VARIANTS.map((variant) => cpu[variant].toFixed(1)),
    percent(overheadByRate.median),
    `${percent(overheadByCpu.median)} (${percent(overheadByCpu.least)} to ${percent(overheadByCpu.most)})`,
  ]);
  const line = (values) => `| ${values.join(' | ')} |`;
  const ruler = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, ruler, ...cells].map(line).join('\n');
}

/** The options, checked. */
function optionsOf(args) {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '15' },
      only: { type: 'string', multiple: true, default: FRAMEWORKS },
      method: { type: 'string', default: 'POST' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const frameworks = values.only.map((name) => {
    const known = FRAMEWORKS.find((each) => each.toLowerCase() === name.toLowerCase());
    if (known === undefined) throw new Error(`--only: expected one of ${FRAMEWORKS.join(', ')}`);
    return known;
  });
  const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
  if (!(seconds >= 0.5 && seconds <= 60)) throw new Error('--seconds: expected 0.5 to 60');
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: expected 1 or more');
  if (!['GET', 'POST'].includes(values.method)) throw new Error('--method: expected GET or POST');
  return { ...values, frameworks, seconds, rounds };
}

async function main() {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) {
    console.log(HELP);
    return;
  }
  const rows = [];
  for (const framework of options.frameworks) {
    rows.push(summary(framework, await measureFramework(framework, options)));
  }
  if (options.json) console.log(JSON.stringify(rows, null, 2));
  else console.log(table(rows));
  for (const { framework, busy, overheadByCpu } of rows) {
    for (const [variant, share] of Object.entries(busy)) {
      if (share >= LEAST_BUSY) continue;
      console.error(`${framework}, ${variant}: the server was busy ${percent(share)} of the time;`);
      console.error('  the client or something else on this machine held it up: go by CPU time');
    }
    if (overheadByCpu.median > TARGET) {
      console.error(`${framework}: the adapter takes more than ${percent(TARGET)}`);
    }
  }
}

await main().catch((error) => {
  console.error(`adapters: ${error.message}`);
  process.exit(1);
});
