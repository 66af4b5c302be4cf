import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/adapters/*.ts',
    'src/keys/{environment,directory,cached}.ts',
    'src/nonces/{memory,redis,postgres,sqlite,tiered}.ts',
    'src/keys/{redis,postgres}.ts',
    'src/policy/policy.ts',
    'src/rate-limits/rate-limits.ts',
  ],
  format: ['esm', 'cjs'],
  target: 'es2022',
  shims: true,
  dts: true,
  clean: true,
});
