import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests exercise the sources; the command line and the packaging tests use what was built.
    alias: [
      { find: '#mac', replacement: source('core/src/mac.ts') },
      // The path of a subpath is that of its file; the adapters of a package stand at its top.
      {
        find: /^@countersign\/server\/(nonces|keys)\/(.+)$/,
        replacement: source('server/src/$1/$2.ts'),
      },
      {
        find: /^@countersign\/server\/(policy|rate-limits)$/,
        replacement: source('server/src/$1/$1.ts'),
      },
      {
        find: /^@countersign\/(server|client)\/(.+)$/,
        replacement: source('$1/src/adapters/$2.ts'),
      },
      {
        find: /^@countersign\/(core|client|server|gateway|testkit|test-servers)$/,
        replacement: source('$1/src/index.ts'),
      },
    ],
  },
  test: {
    include: ['packages/*/{src,test}/**/*.test.{ts,mjs}'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Most tests wait for a process or a socket: of two cores, both are of use.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
