import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/mac.ts', 'src/mac-portable.ts'],
  format: ['esm', 'cjs'],
  target: 'es2022',
  external: ['#mac'], // resolved at run time: node:crypto under Node, @noble/hashes (bundled) elsewhere
  noExternal: ['@noble/hashes'],
  dts: { entry: 'src/index.ts' },
  splitting: false,
  clean: true,
});
