import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode, unavailable } from '../exit.js';

// How long another change is waited for, and how long a lock may stand without the name of its owner (ms).
const PATIENCE = 10_000;
const UNNAMED = 2_000;

/**
 * Does something while nobody else changes a file. The lock is a file beside it that names its owner, and one whose owner has
 * ended is taken away.
 *
 * @throws CliError if it is held for longer than ten seconds
 */
export async function withLock<T>(path: string, action: () => T): Promise<T> {
  const lock = `${path}.lock`;
  const owner = `${process.pid} ${hostname()}\n`;
  const due = performance.now() + PATIENCE;
  while (!create(lock, owner)) {
    if (performance.now() > due) {
      throw unavailable(`${path} is being changed by another program; if none is, remove ${lock}`);
    }
    if (isLeft(lock)) removeLeft(lock, owner);
    else await sleep(10 + Math.random() * 20);
  }
  try {
    return action();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** False if there is one. */
function create(path: string, content: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o644);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(file, content);
    return true;
  } finally {
    closeSync(file);
  }
}

/** True if whoever made the lock is gone; of other machines nothing is known. */
function isLeft(lock: string): boolean {
  try {
    const [, pid, host] = /^([0-9]+) (\S+)\n$/.exec(readFileSync(lock, 'utf8')) ?? [];
    if (pid === undefined) return Date.now() - statSync(lock).mtimeMs > UNNAMED;
    return host === hostname() && !isRunning(Number(pid));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/** One at a time, and only what is still left then: otherwise the second would take away the lock of the first. */
function removeLeft(lock: string, owner: string): void {
  const guard = `${lock}.left`;
  if (!create(guard, owner)) {
    if (isLeft(guard)) rmSync(guard, { force: true });
    return;
  }
  try {
    if (isLeft(lock)) rmSync(lock, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}
