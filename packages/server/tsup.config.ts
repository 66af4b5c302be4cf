import { defineConfig } from 'tsup';

const shared = {
  format: ['esm', 'cjs'] as ('esm' | 'cjs')[],
  target: 'es2022',
  shims: true,
  dts: true,
};

// Apart, so that a service that imports the verifier does not load it in the many small pieces that the stores share with one another:
// each takes the better part of a millisecond. What both have is functions, which may be there twice.
export default defineConfig([
  { ...shared, entry: ['src/index.ts', 'src/adapters/*.ts'] },
  {
    ...shared,
    entry: [
      'src/keys/{environment,directory,cached,redis,postgres}.ts',
      'src/nonces/{memory,redis,postgres,sqlite,tiered}.ts',
      'src/policy/policy.ts',
      'src/rate-limits/rate-limits.ts',
    ],
    outDir: 'dist',
  },
]);
