import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests exercise the sources; the command line and the packaging tests use what was built.
    alias: {
      '#mac': source('core/src/mac.ts'),
      '@countersign/core': source('core/src/index.ts'),
      '@countersign/client/undici': source('client/src/adapters/undici.ts'),
      '@countersign/client/axios': source('client/src/adapters/axios.ts'),
      '@countersign/client/got': source('client/src/adapters/got.ts'),
      '@countersign/client/ky': source('client/src/adapters/ky.ts'),
      '@countersign/client/node': source('client/src/adapters/node.ts'),
      '@countersign/client': source('client/src/index.ts'),
      '@countersign/server/node': source('server/src/adapters/node.ts'),
      '@countersign/server/express': source('server/src/adapters/express.ts'),
      '@countersign/server/fastify': source('server/src/adapters/fastify.ts'),
      '@countersign/server/koa': source('server/src/adapters/koa.ts'),
      '@countersign/server/hono': source('server/src/adapters/hono.ts'),
      '@countersign/server/nestjs': source('server/src/adapters/nestjs.ts'),
      '@countersign/server/fetch': source('server/src/adapters/fetch.ts'),
      '@countersign/server': source('server/src/index.ts'),
      '@countersign/testkit': source('testkit/src/index.ts'),
      '@countersign/test-servers': source('test-servers/src/index.ts'),
    },
  },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
