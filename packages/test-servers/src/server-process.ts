import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { onPath, type Program } from './program.js';
import { run } from './run.js';

export interface ServerProcessOptions {
  readonly program: Program;
  readonly args: readonly string[];
  /** Its working folder. */
  readonly directory: string;
  /** Resolves with true once it takes connections. */
  ready(): Promise<boolean>;
  /** What asks it to end without waiting for its clients. */
  readonly endSignal: NodeJS.Signals;
  /** Whom it runs as, if not as us. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

const START_DEADLINE = 20_000; // ms

/**
 * A server in a process of its own. It ends with ours, however ours ends where the system has `setpriv`; otherwise unless
 * ours is killed.
 */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | undefined;
  #said = '';
  readonly #orphaned: () => void;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.#orphaned = () => {
      this.#child?.kill('SIGKILL');
      rmSync(options.directory, { recursive: true, force: true, maxRetries: 3 });
    };
    process.once('exit', this.#orphaned);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @throws Error with what it said if it ends instead, or does not take connections in time */
  async start(): Promise<void> {
    const { program, args, directory, ready, owner = {} } = this.#options;
    const [command, ...rest] = [...(await diesWithUs()), program.path, ...args] as [string];
    this.#said = '';
    const child = spawn(command, rest, {
      cwd: directory,
      env: { ...process.env, ...program.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...owner,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4_000);
      });
    }
    let ended: string | undefined;
    child.once('error', ({ message }) => {
      ended = message;
    });
    child.once('exit', (code, signal) => {
      ended = `ended with ${signal ?? code}`;
    });
    const deadline = Date.now() + START_DEADLINE;
    while (ended === undefined && Date.now() < deadline) {
      if (await ready()) return;
      await delay(5);
    }
    await this.kill('SIGKILL');
    const last = this.#said.trim().split('\n').slice(-3).join(' | ');
    throw new Error(`${program.path}: ${ended ?? 'takes no connections'}: ${last}`);
  }

  /** Ends it and waits until it has ended; does nothing if it has. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (child.pid === undefined) return; // it was never started
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Ends it for good and removes its files. */
  async close(): Promise<void> {
    await this.kill(this.#options.endSignal);
    process.off('exit', this.#orphaned);
    await rm(this.#options.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

let supervisor: Promise<readonly string[]> | undefined;

/** The command to put in front, so that the kernel ends a server whose starter was killed. */
function diesWithUs(): Promise<readonly string[]> {
  supervisor ??= (async () => {
    const path = await onPath('setpriv');
    if (path === undefined) return [];
    const command = [path, '--pdeathsig', 'KILL'];
    const works = run(path, [...command.slice(1), 'true']).then(
      () => true,
      () => false,
    );
    return (await works) ? command : [];
  })();
  return supervisor;
}
