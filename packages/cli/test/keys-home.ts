import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { BIN, file, type Result, resultOf, run, temporaryDirectory } from './helpers.js';

/** A directory of its own with a key file, and `keys` on it. */
export function keysHome(name: string, content?: string) {
  const directory = temporaryDirectory();
  const path = join(directory, name);
  if (content !== undefined) file(directory, name, content);
  const keys = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    run(['keys', ...args, '--keys', path], { env, cwd: directory });
  return {
    directory,
    path,
    keys,
    read: () => readFileSync(path, 'utf8'),
    /** What a command prints with `--json`. */
    json: async (args: readonly string[]) => {
      const { code, stdout, stderr } = await keys([...args, '--json']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return JSON.parse(stdout);
    },
  };
}

/** The command on a terminal of its own, at which somebody types. */
export function runOnTerminal(args: readonly string[], typed: string): Promise<Result> {
  const script =
    'import os, pty, sys; sys.exit(os.WEXITSTATUS(pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 1024))))';
  const child = spawn('python3', ['-c', script, process.execPath, BIN, ...args], {
    env: { PATH: process.env.PATH ?? '', TERM: 'dumb' },
  });
  // Typed when asked: the terminal throws away what comes before the command has begun to read.
  let isAsked = false;
  child.stdout.on('data', (chunk: Buffer) => {
    if (isAsked || !chunk.includes('[y/N]')) return;
    isAsked = true;
    child.stdin.write(typed);
  });
  return resultOf(child);
}
