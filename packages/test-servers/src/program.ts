import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { debianPackage } from './debian.js';

/** A program and what it needs in its environment. */
export interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ProgramSource {
  /** The environment variable by which a user names his own. */
  readonly variable: string;
  readonly name: string;
  /** Where to look besides PATH. */
  readonly folders: readonly string[];
  /** Debian's packages that have it, and where in them; they are asked for if nothing else has it. */
  debian(): Promise<{ readonly packages: readonly string[]; readonly path: string }>;
}

/**
 * Finds a program: that of the variable, else the system's, else Debian's.
 *
 * @throws Error that says in one line what to do if there is none
 */
export async function findProgram(source: ProgramSource): Promise<Program> {
  const { variable, name, folders } = source;
  const named = process.env[variable];
  if (named !== undefined && named !== '') {
    if (await isExecutable(named)) return { path: named, env: {} };
    throw new Error(`${variable}=${named}: no such program`);
  }
  const found = await onPath(name, folders);
  if (found !== undefined) return { path: found, env: {} };
  try {
    const { packages, path } = await source.debian();
    const { root, env } = await debianPackage(packages);
    return { path: join(root, path), env };
  } catch (cause) {
    const { message } = cause as Error;
    const advice = `Install ${name}, or set ${variable}=/path/to/${name}`;
    throw new Error(`No ${name} on this machine: ${message}. ${advice}.`, { cause });
  }
}

/** Where a program of the system stands. */
export async function onPath(
  name: string,
  more: readonly string[] = [],
): Promise<string | undefined> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...folders, ...more]) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
