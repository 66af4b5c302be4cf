import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { debianPackage } from './debian.js';

/** A running Chromium without a window. */
export interface Chromium {
  /** What it wrote to its standard error so far. */
  log(): string;
  /** Ends it with all its processes, and removes its files. */
  close(): Promise<void>;
}

interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ALWAYS = [
  ...['--headless=new', '--disable-gpu', '--disable-dev-shm-usage', '--mute-audio'],
  '--no-sandbox', // it opens nothing but pages of the tests, and has no sandbox as root
  ...['--no-first-run', '--no-default-browser-check', '--disable-extensions'],
  // It speaks to this machine, and to nobody else.
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--no-proxy-server', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
];

let program: Promise<Program> | undefined;

/**
 * Opens a page in a real Chromium: that of CHROMIUM_PATH, else the system's, else Debian's package. What the page finds out it has
 * to tell by itself, such as by a request to the server it came from.
 *
 * @param url - on 127.0.0.1; no other host is reached
 * @throws Error that says what to do if there is none
 * @example const chromium = await openInChromium('http://127.0.0.1:3000/');
 */
export async function openInChromium(url: string): Promise<Chromium> {
  program ??= findChromium();
  const { path, env } = await program;
  const home = await mkdtemp(join(tmpdir(), 'countersign-chromium-'));
  const child = spawn(path, [...ALWAYS, `--user-data-dir=${home}`, url], {
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // a process group of its own, which ends as one
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  child.once('error', (error) => {
    log += error.message;
  });
  const orphaned = () => signal(child, 'SIGKILL');
  process.once('exit', orphaned);
  return {
    log: () => log,
    async close() {
      process.off('exit', orphaned);
      await end(child);
      await rm(home, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** Finds or fetches the program, so that no test has to wait for it. */
export async function prepareChromium(): Promise<void> {
  program ??= findChromium();
  await program;
}

async function findChromium(): Promise<Program> {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== '') {
    if (await isExecutable(named)) return { path: named, env: {} };
    throw new Error(`CHROMIUM_PATH=${named}: no such program`);
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const path of folders.flatMap((folder) => NAMES.map((name) => join(folder, name)))) {
    if (await isExecutable(path)) return { path, env: {} };
  }
  try {
    const { root, env } = await debianPackage(['chromium', 'chromium-common']);
    return { path: join(root, 'usr/lib/chromium/chromium'), env };
  } catch (cause) {
    const { message } = cause as Error;
    const advice = 'Install chromium, or set CHROMIUM_PATH=/path/to/chromium';
    throw new Error(`No Chromium on this machine: ${message}. ${advice}.`, { cause });
  }
}

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return; // it was never started
  const ended = hasEnded(child) ? undefined : once(child, 'exit');
  // Nothing of its state is worth keeping; and some of its processes outlive a polite end.
  signal(child, 'SIGKILL');
  await ended;
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null;

function signal({ pid }: ChildProcess, name: 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {} // all of them have ended
}
