import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Whom it runs as, if not as us. */
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Runs a command to its end.
 *
 * @returns what it wrote to its standard output
 * @throws Error with its standard error
 */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(texts.stdout);
      else {
        const reason = texts.stderr.trim() || `ended with ${code}`;
        reject(new Error(`${command} ${args[0] ?? ''}: ${reason}`));
      }
    });
  });
}
