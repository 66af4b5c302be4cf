#!/usr/bin/env node
// What the gateway costs.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { longBodies, manyRequests } from './lib/gateway/memory.mjs';
import { gatewayTables } from './lib/gateway/tables.mjs';
import { throughput } from './lib/gateway/throughput.mjs';
import { insertInto } from './lib/report.mjs';

const PARTS = ['throughput', 'transfers', 'requests'];
const HELP = `Usage: node packages/bench/gateway.mjs [options]

Requests a second and latency through the gateway, beside the same proxy without
verification, nginx that asks the gateway, and @fastify/http-proxy; what it holds while
long bodies go through it, and after many requests.

  --only <part>   ${PARTS.join(', ')}; may be repeated
  --quick         fewer rounds, 50,000 requests, bodies of 100 MiB
  --json <file>   write the figures as JSON too
  --write-docs    put the tables into docs/performance.md
  --help          print this

Examples:
  npm run bench:gateway -- --quick
  npm run bench:gateway -- --write-docs --json figures.json`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: PARTS },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

const told = (part) => (done, all) => {
  if (process.stderr.isTTY)
    process.stderr.write(`\r${part} ${done}/${all}${done >= all ? '\n' : ''}`);
};
const MIB = 1024 * 1024;
const MEASURE = {
  throughput: () =>
    throughput({
      rounds: options.quick ? 3 : 9,
      count: options.quick ? 4_000 : 10_000,
      told: told('throughput'),
    }),
  transfers: () => longBodies({ bytes: (options.quick ? 100 : 500) * MIB }),
  requests: () =>
    manyRequests({ count: options.quick ? 60_000 : 1_000_000, told: told('requests') }),
};

const figures = {};
for (const part of PARTS.filter((name) => options.only.includes(name))) {
  figures[part] = await MEASURE[part]();
}
const tables = gatewayTables(figures);
for (const table of Object.values(tables)) console.log(`\n${table}`);
if (options.json) writeFileSync(options.json, JSON.stringify(figures, undefined, 2));
if (options['write-docs']) {
  const file = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
  writeFileSync(file, insertInto(readFileSync(file, 'utf8'), tables));
}
