// What starting costs, over a bare node.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CREDENTIAL, SECRET } from './request.mjs';

const require = createRequire(import.meta.url);
const bin = join(dirname(fileURLToPath(import.meta.url)), '../../cli/bin/countersign.js');
const evaluate = (text) => ['--input-type=module', '--eval', text];
const loading = (name) =>
  evaluate(`import ${JSON.stringify(`file://${require.resolve(name).replace(/cjs$/, 'js')}`)}`);
const BARE = 'node';
const COMMANDS = {
  [BARE]: evaluate(''),
  "import '@countersign/server'": loading('@countersign/server'),
  "import '@countersign/client'": loading('@countersign/client'),
  'countersign --version': [bin, '--version'],
  'countersign sign': [bin, 'sign', 'https://api.example.com/v1/orders'],
};

/** @returns milliseconds over a bare node, medians of as many paired runs */
export function coldStart({ runs }) {
  const env = { ...process.env, COUNTERSIGN_CREDENTIAL: CREDENTIAL, COUNTERSIGN_SECRET: SECRET };
  const times = Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const [name, args] of Object.entries(COMMANDS)) {
      const start = process.hrtime.bigint();
      const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
      times[name].push(Number(process.hrtime.bigint() - start) / 1e6);
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
    }
  }
  return Object.entries(times)
    .filter(([name]) => name !== BARE)
    .map(([name, values]) => {
      const over = values.map((value, i) => value - times[BARE][i]).toSorted((a, b) => a - b);
      return {
        name,
        ms: over[over.length >> 1],
        bareMs: times[BARE].toSorted((a, b) => a - b)[runs >> 1],
      };
    });
}
