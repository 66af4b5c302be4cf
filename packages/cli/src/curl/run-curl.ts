import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { systemCode, unavailable } from '../exit.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs curl with a configuration on its standard input.
 *
 * @param hidden - environment variables that curl has no use for: they hold a secret
 * @returns its exit code, or 128 + the number of the signal that ended it, as a shell says it
 */
export function runCurl(
  args: readonly string[],
  config: string,
  hidden: readonly string[],
): Promise<number> {
  const env = { ...process.env };
  for (const name of hidden) delete env[name];
  const child = spawn('curl', args, { env, stdio: ['pipe', 'inherit', 'inherit'] });
  // Ended by a signal, this process must still remove the body's file: curl is ended, and its end awaited.
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, forward);
  return new Promise<number>((resolve, reject) => {
    child.on('error', (error) => {
      reject(
        unavailable(`curl cannot be run (${systemCode(error)}); install it, or put it on PATH`),
      );
    });
    child.on('close', (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]);
    });
    child.stdin.on('error', () => {}); // curl ended before it read all; its exit code says why
    child.stdin.end(config);
  }).finally(() => {
    for (const signal of SIGNALS) process.off(signal, forward);
  });
}
