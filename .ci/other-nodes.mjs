// Runs the tests again on each supported Node that is not the present one; `npm test` ends with it.
// COUNTERSIGN_NODES names others, such as "24"; an empty one names none.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// What tries documents, words of the command line, backends that fail, browsers and servers of other makes, rather than Node, has been
// tried once by then.
const ONCE = [
  'packages/cli/test/{docs,keys-,profile,program,verify,vectors,yaml-keys,keygen,presign,curl}*.test.ts',
  'packages/core/test/reference.test.ts',
  'packages/testkit/test/verdict-matrix.test.ts',
  'packages/client/test/browser.test.ts',
  'packages/gateway/test/payload-properties.test.ts',
  'packages/test-servers/**',
  'packages/server/test/{keys,nonces}-{redis,postgres}-{faults,topologies,processes,purge,states}.test.ts',
  'packages/server/test/nonces-memory-restart.test.ts',
  'packages/server/test/stores-over-http.test.ts',
  'packages/gateway/test/{matrix,forward-auth-matrix,forward-auth-proxies}.test.ts',
  'packages/bench/test/{memory,overload,soak}.test.mjs',
];

const present = process.versions.node.split('.')[0];
const chosen = process.env.COUNTERSIGN_NODES ?? '20 22 24 26';
const others = chosen.split(/[ ,]+/).filter((major) => major !== '' && major !== present);
const directory = mkdtempSync(join(tmpdir(), 'countersign-nodes-'));
const totals = { passed: 0, failed: 0 };

try {
  for (const major of others) {
    const report = join(directory, `${major}.json`);
    const vitest = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      ...ONCE.map((files) => `--exclude=${files}`),
    ];
    const { status } = spawnSync(
      'npx',
      ['-y', '-p', `node@${major}`, 'node', ...vitest, `--outputFile.json=${report}`],
      // The long fuzz has had its full run on the present Node.
      { stdio: 'inherit', env: { ...process.env, COUNTERSIGN_FUZZ_RUNS: '5000' } },
    );
    const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    console.log(`Node ${major}: ${numPassedTests} of ${numTotalTests} tests passed`);
    totals.passed += numPassedTests;
    totals.failed += numFailedTests + (status !== 0 && numFailedTests === 0 ? 1 : 0);
  }
} finally {
  rmSync(directory, { recursive: true });
}
if (others.length === 0) console.log('no other Node was asked for');
else console.log(`others: ${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
