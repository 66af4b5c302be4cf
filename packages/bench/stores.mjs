// That the nonce stores are fast, and stay right: `npm run bench:stores`.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { insertInto } from './lib/report.mjs';
import { contendersOf, NAMES, reasonAgainst } from './lib/stores/contenders.mjs';
import { MEMORY_SIZES, MEMORY_TARGETS, memorySize } from './lib/stores/memory-size.mjs';
import { overload } from './lib/stores/overload.mjs';
import { serversOf } from './lib/stores/servers.mjs';
import { SOAK_OPTIONS, soak } from './lib/stores/soak.mjs';
import { memoryTable, overloadTable, soakTable, throughputTable } from './lib/stores/tables.mjs';
import { TARGETS, throughput } from './lib/stores/throughput.mjs';

const HELP = `Usage: node packages/bench/stores.mjs throughput|soak|overload|memory [options]

throughput  measures what a verifier gets done with each store, beside the bare
            statement of its backend, and how long a claim takes
soak        claims at a steady rate for long, new nonces and replays, and counts
            wrong verdicts; ends with 1 if there are any
overload    claims more than a store can do, and tells what it still does
memory      fills the store in memory, and tells what a nonce takes, and for how
            long it ever holds up its process

  --store <name>       ${NAMES.slice(0, 5).join(', ')},
                       ${NAMES.slice(5).join(', ')}; may be repeated, or name several with commas;
                       all unless said otherwise
  --unsynced           a PostgreSQL that is started does not wait for the disk: no
                       server for nonces, but a harder comparison
  --quick              fewer rounds (throughput), less time (overload)
  --concurrency <n>    claims at a time, 1 to 1,024 (throughput); 64 unless said otherwise
  --minutes <n>        for how long, each store (soak); 10 unless said otherwise
  --rate <n>           claims a second (soak); the highest steady one unless said otherwise
  --live <n>           nonces, a multiple of 100,000 (memory); 5,000,000 unless said otherwise
  --json <file>        write the figures as JSON too
  --write-docs         put the table into docs/stores.md
  --help               print this

REDIS_URL and POSTGRES_URL name servers of yours; otherwise some are started, and
ended. Keys and tables have names of their own. sqlite needs Node.js 22.13.

Examples:
  npm run bench:stores -- throughput --write-docs --json figures.json
  npm run bench:stores -- throughput --store redis --quick
  npm run bench:stores -- soak --store postgres --minutes 10
  npm run bench:stores -- soak --store ioredis-6,memory --minutes 0.5 --rate 2000`;

const SIZES = {
  whole: { rounds: 9, turns: 6, batch: 1_000, single: 60 },
  quick: { rounds: 3, turns: 2, batch: 1_000, single: 60 },
};

const tell = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);

const MODES = {
  throughput: {
    measure: (contender, url, { quick, concurrency }) =>
      throughput(contender, {
        ...{ url, concurrency, ...(quick ? SIZES.quick : SIZES.whole) },
        told: (what, round, of) => tell(`${contender.name}: ${what} ${round} of ${of}`),
      }),
    done: ({ rate }) => `${Math.round(rate).toLocaleString('en')} verified a second`,
    table: throughputTable,
    judge: tellMisses,
  },
  soak: {
    async measure(contender, url, { minutes, rate }) {
      const { stores, close } = await contender.open(url, SOAK_OPTIONS);
      try {
        const told = (text) => tell(`${contender.name}: ${text}`);
        return await soak(stores, { minutes, rate, told });
      } finally {
        await close();
      }
    },
    done: ({ claims, wrong }) => `${claims.toLocaleString('en')} claims, ${wrong} wrong`,
    table: soakTable,
    judge: failIfWrong,
  },
  overload: {
    async measure(contender, url, { quick }) {
      const { stores, close } = await contender.open(url, { start: 'fresh' });
      try {
        const told = (text) => tell(`${contender.name}: ${text}`);
        return await overload(stores, { seconds: quick ? 1 : 5, told });
      } finally {
        await close();
      }
    },
    done: ({ most }) => `${Math.round(most).toLocaleString('en')} claims a second at most`,
    table: overloadTable,
    judge() {},
  },
  memory: {
    measure: ({ credentials }, _, { live }) =>
      memorySize({ credentials, live, perSecond: 100_000, seconds: 20 }),
    done: ({ bytes }) => `${Math.round(bytes)} bytes a nonce`,
    table: memoryTable,
    judge: tellMemoryMisses,
  },
};

function tellMemoryMisses(rows) {
  const { bytes, claim, pause } = MEMORY_TARGETS;
  for (const row of rows) {
    if (row.bytes > bytes)
      console.error(`${row.name}: a nonce takes ${Math.round(row.bytes)} bytes`);
    if (row.claim > claim) console.error(`${row.name}: a claim takes ${row.claim.toFixed(2)} µs`);
    const longest = Math.max(row.growing, row.expiring);
    if (longest > pause) console.error(`${row.name}: a pause of ${longest.toFixed(1)} ms`);
  }
}

function tellMisses(rows) {
  for (const { name, ratio, latency } of rows) {
    const [speed, adds] = [ratio.median.toFixed(2), `${Math.round((latency.median - 1) * 100)} %`];
    if (ratio.median < TARGETS.ratio) console.error(`${name}: sum ÷ both is ${speed}`);
    if (latency.median > TARGETS.latency) console.error(`${name}: a claim adds ${adds}`);
  }
}

function failIfWrong(rows) {
  for (const { name, wrong, freshReplays, replayedNew, unavailable, odd } of rows) {
    if (wrong === 0) continue;
    process.exitCode = 1;
    console.error(`${name}: ${freshReplays} replays were fresh, ${replayedNew} new ones replayed,`);
    console.error(`  ${unavailable} unavailable, ${odd} anything else`);
  }
}

/** @throws Error that names the option */
function optionsOf(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      store: { type: 'string', multiple: true, default: NAMES },
      unsynced: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      concurrency: { type: 'string', default: '64' },
      minutes: { type: 'string', default: '10' },
      rate: { type: 'string' },
      live: { type: 'string', default: '5000000' },
      json: { type: 'string' },
      'write-docs': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return values;
  const [mode, ...more] = positionals;
  if (!Object.hasOwn(MODES, mode ?? '') || more.length > 0) {
    throw new Error(`expected one of ${Object.keys(MODES).join(', ')}; --help tells more`);
  }
  const number = (name, least, most) => {
    const value = Number(values[name]);
    if (value >= least && value <= most) return value;
    throw new Error(`--${name}: expected ${least} to ${most}`);
  };
  return {
    ...{ ...values, mode },
    contenders: mode === 'memory' ? MEMORY_SIZES : contendersOf(values.store),
    live: 100_000 * Math.ceil(number('live', 1, 16_000_000) / 100_000),
    concurrency: Math.floor(number('concurrency', 1, 1_024)),
    minutes: number('minutes', 0.02, 10_000),
    rate: values.rate === undefined ? undefined : number('rate', 1, 1_000_000),
  };
}

const load = () => loadavg()[0].toFixed(1);

async function main() {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) {
    console.log(HELP);
    return;
  }
  const { mode, contenders } = options;
  const { measure, done, table, judge } = MODES[mode];
  const [node, cpu, before] = [process.version, cpus()[0]?.model, load()];
  const rows = [];
  const servers = serversOf(tell, options);
  try {
    for (const contender of contenders) {
      const { name } = contender;
      const reason = await reasonAgainst(contender);
      if (reason !== undefined) {
        console.error(`${name}: left out: ${reason}`);
        continue;
      }
      const url = await servers.url(contender.backend);
      const row = { name, ...(await measure(contender, url, options)) };
      tell('');
      console.error(`${name}: ${done(row)}`);
      rows.push(row);
    }
  } finally {
    tell('');
    await servers.close();
  }
  console.log(`${table(rows)}\n`);
  console.log(
    `Node.js ${node.slice(1)}, ${cpus().length} cores of ${cpu}; load ${before} before, ${load()} after`,
  );
  judge(rows);
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ node, cpu, cores: cpus().length, rows }, null, 2)}\n`,
    );
  }
  if (options['write-docs']) {
    const page = new URL('../../docs/stores.md', import.meta.url);
    writeFileSync(
      page,
      insertInto(readFileSync(page, 'utf8'), { [`stores-${mode}`]: table(rows) }),
    );
  }
}

await main().catch((error) => {
  console.error(`stores: ${error.message}`);
  process.exit(1);
});
