// What the store in memory takes, and whether it ever holds its process up.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROCESS = fileURLToPath(new URL('memory-process.mjs', import.meta.url));

/** Bytes of a live nonce at most, microseconds of a claim, milliseconds of a pause. */
export const MEMORY_TARGETS = { bytes: 64, claim: 1, pause: 5 };

/** What it is filled for: few callers, and as many as make each nonce that of another one. */
export const MEMORY_SIZES = [100, 100_000].map((credentials) => ({
  name: `${credentials.toLocaleString('en')} credentials`,
  credentials,
}));

/**
 * Fills a store and lets time pass, in a process of its own.
 *
 * @param options - `live` nonces, `perSecond` that expire and are claimed anew, `credentials` that they are of, for how many
 *   `seconds`
 * @returns `size` and, of each nonce, the resident `bytes`; microseconds of a `claim`, the median at that size; the longest
 *   pauses in milliseconds, `growing` and `expiring`; and the longest with what the `collector` of Node took of it
 */
export async function memorySize(options) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    PROCESS,
    JSON.stringify(options),
  ]);
  return { ...options, ...JSON.parse(stdout) };
}
