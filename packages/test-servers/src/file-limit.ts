import { run } from './run.js';

/**
 * How long files of this process may become, in bytes, or `unlimited`: who has reached it gets an error, as from a disk that is
 * full. For Linux.
 */
export async function fileLimit(bytes: string): Promise<void> {
  await run('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`]);
}
