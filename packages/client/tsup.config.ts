import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/adapters/*.ts'],
  format: ['esm', 'cjs'],
  target: 'es2022',
  splitting: true, // or every CommonJS entry would have error classes of its own
  dts: true,
  clean: true,
});
