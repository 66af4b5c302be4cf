// Everything that is measured without a framework: `npm run bench`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clusterThroughput } from './lib/cluster.mjs';
import { coldStart } from './lib/cold-start.mjs';
import { compare } from './lib/compare.mjs';
import { growth } from './lib/growth.mjs';
import { load } from './lib/load.mjs';
import { otherWork } from './lib/other-work.mjs';
import { plot } from './lib/plot.mjs';
import { refusals } from './lib/refusals.mjs';
import { insertInto, SECTIONS } from './lib/report.mjs';

const HELP = `Usage: node packages/bench/bench.mjs [options]

  --only <section>  ${Object.keys(SECTIONS).join(', ')}; may be
                    repeated, or name several with commas. cluster needs a Redis, named by
                    REDIS_URL, and is left out without
  --quick           fewer rounds: a minute in all
  --json <file>     write the figures as JSON too
  --write-docs      put the tables into docs/performance.md, and the plots beside it
  --help            print this

Examples:
  npm run bench
  npm run bench -- --only compare --quick
  npm run bench -- --write-docs --json figures.json`;

/** Without a Redis there is nothing that workers can share. */
function canRun(section) {
  return section !== 'cluster' || process.env.REDIS_URL !== undefined;
}

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: Object.keys(SECTIONS).filter(canRun) },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit();
}
const only = options.only.flatMap((names) => names.split(','));
for (const name of only) {
  if (SECTIONS[name] === undefined) {
    console.error(`--only: ${name} is no section; those are ${Object.keys(SECTIONS).join(', ')}`);
    process.exit(2);
  }
}

const tell = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
const told = (name) => (what, of) =>
  tell(`${name}: ${of === undefined ? what : `${what} of ${of}`}`);
const { quick } = options;
const inTurns = (name) => ({
  rounds: quick ? 5 : 9,
  turns: quick ? 10 : 40,
  operations: 100,
  told: told(name),
});

const MEASURE = {
  compare: () => compare(inTurns('compare')),
  other: () => otherWork(inTurns('other')),
  refusals: () => refusals(inTurns('refusals')),
  growth: () => growth({ rounds: quick ? 3 : 7, told: told('growth') }),
  allocation: () => ({
    rows: alone(
      ...['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'],
      'lib/allocation.mjs',
    ),
    share: alone('lib/allocation.mjs', '--share'),
  }),
  coldStart: () => coldStart({ runs: quick ? 7 : 21 }),
  cluster: () =>
    clusterThroughput({
      url: process.env.REDIS_URL,
      rounds: quick ? 3 : 9,
      count: quick ? 5_000 : 20_000,
      told: told('cluster'),
    }),
  load: () => load({ rounds: quick ? 3 : 9, count: quick ? 4_000 : 16_000, told: told('load') }),
};

/** What a script writes that needs a process of its own. */
function alone(...args) {
  const bench = fileURLToPath(new URL('.', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    ...{ cwd: bench, encoding: 'utf8' },
  });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

const figures = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
const sections = {};
for (const name of Object.keys(SECTIONS).filter((each) => only.includes(each))) {
  figures[name] = await MEASURE[name]();
  sections[name] = SECTIONS[name](figures[name]);
  tell('');
  console.log(`${name}\n\n${sections[name]}\n`);
}
if (options.json !== undefined)
  writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
if (options['write-docs']) {
  const docs = new URL('../../docs/', import.meta.url);
  const page = new URL('performance.md', docs);
  const machine = `${figures.cores} cores of ${figures.cpu}, Node.js ${figures.node.slice(1)}`;
  writeFileSync(page, insertInto(readFileSync(page, 'utf8'), { machine, ...sections }));
  mkdirSync(new URL('performance/', docs), { recursive: true });
  for (const [series, rows] of Object.entries(bySeries(figures.growth ?? []))) {
    const file = new URL(`performance/${series.replaceAll(' ', '-')}.svg`, docs);
    writeFileSync(file, plot(series, rows));
  }
}

function bySeries(rows) {
  const groups = {};
  for (const row of rows) {
    groups[row.series] ??= [];
    groups[row.series].push(row);
  }
  return groups;
}
