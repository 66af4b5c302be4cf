import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url));

/** Bytes that createSigner and signedFetch may have together, minified and gzipped. */
export const MOST = { withoutMac: 12_288, whole: 17_920 };

/** A module for browsers: minified, with all that it imports. */
export interface Bundle {
  readonly code: string;
  /** Bytes once gzipped at level 9. */
  readonly gzipped: number;
  /** What it imports still. */
  readonly imports: readonly string[];
}

export interface BundleOptions {
  /** Leaves the code out that computes MACs, as for a count of the rest. */
  readonly withoutMac?: boolean;
  /** A script that gives its exports to `bundled`, instead of a module. */
  readonly script?: boolean;
  /** A CommonJS module for Node instead. */
  readonly forNode?: boolean;
}

/**
 * Bundles with the packages as they were built.
 *
 * @param entry - a module of this folder; or the text of one, as if it stood in the folder `from` of the packages
 */
export async function bundle(
  entry: { readonly file: string } | { readonly text: string; readonly from?: string },
  { withoutMac = false, script = false, forNode = false }: BundleOptions = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...('file' in entry
      ? { entryPoints: [fileURLToPath(new URL(entry.file, import.meta.url))] }
      : { stdin: { contents: entry.text, resolveDir: join(PACKAGES, entry.from ?? 'client') } }),
    bundle: true,
    minify: true,
    format: forNode ? 'cjs' : script ? 'iife' : 'esm',
    globalName: 'bundled',
    platform: forNode ? 'node' : 'browser',
    target: 'es2022',
    external: withoutMac ? ['#mac'] : [],
    tsconfigRaw: {}, // that of the repository leads to the sources
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const { text: code, contents } = outputFiles[0] as (typeof outputFiles)[0];
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return {
    code,
    gzipped: gzipSync(contents, { level: 9 }).length,
    imports: imports.map(({ path }) => path),
  };
}
