import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { systemCode, unavailable, usage } from '../exit.js';
import {
  checkName,
  checkProfile,
  type Environment,
  type NamedProfile,
  type Profile,
} from './profile.js';

/** All profiles, as they are kept. */
export interface Profiles {
  /** Name of the one that signs where none is named. */
  inUse: string | undefined;
  readonly byName: Map<string, Profile>;
}

/** Where profiles are kept (XDG Base Directory Specification: a path that is not absolute does not count). */
export function profilePath(env: Environment): string {
  const { XDG_CONFIG_HOME: given = '' } = env;
  const base = isAbsolute(given) ? given : join(homedir(), '.config');
  return join(base, 'countersign', 'profiles.json');
}

/** The profile that an option or the environment names; else the one in use, if one is needed. */
export function profileFor(
  option: string | undefined,
  env: Environment,
  isNeeded: boolean,
): NamedProfile | undefined {
  const named = option ?? (env.COUNTERSIGN_PROFILE || undefined);
  if (named === undefined && !isNeeded) return undefined;
  const { inUse, byName } = loadProfiles(profilePath(env));
  const name = named ?? inUse;
  if (name === undefined) return undefined;
  const profile = byName.get(name);
  if (profile !== undefined) return { name, profile };
  const source = option === undefined ? 'COUNTERSIGN_PROFILE' : '--profile';
  throw noSuchProfile(`${source} "${name}"`, byName);
}

/** Says what there is instead. */
export function noSuchProfile(what: string, byName: ReadonlyMap<string, Profile>): Error {
  const names = [...byName.keys()].sort().join(', ');
  return usage(
    `${what}: there is no such profile; ${names === '' ? 'add one with countersign profile add' : `there are ${names}`}`,
  );
}

/** Reads the file; one that is not there has no profile. Refused if anybody else may read or write it. */
export function loadProfiles(path: string): Profiles {
  const text = readPrivately(path);
  if (text === undefined) return { inUse: undefined, byName: new Map() };
  const { inUse, profiles, ...others } = objectOf(parse(text, path), path);
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw usage(`${path}: ${other}: unknown member; known are inUse, profiles`);
  }
  const byName = new Map<string, Profile>();
  for (const [name, value] of Object.entries(objectOf(profiles, `${path}: profiles`))) {
    const at = `${path}: profiles.${name}`;
    byName.set(
      checkName(name),
      checkProfile(value, (member) => (member === '' ? at : `${at}.${member}`), dirname(path)),
    );
  }
  if (inUse !== undefined && (typeof inUse !== 'string' || !byName.has(inUse))) {
    throw usage(`${path}: inUse: expected the name of one of the profiles`);
  }
  return { inUse, byName };
}

function readPrivately(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const { mode } = fstatSync(file);
    // Windows knows no such modes.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      throw usage(
        `${path}: others may read or change it (mode ${shown}), and secrets can be in it; chmod 600 ${path}`,
      );
    }
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code === 'ENOENT') return undefined;
    throw unavailable(`cannot read the profiles ${path} (${code})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's message quotes the text around the fault, which may be a secret.
    throw usage(`${path}: not valid JSON; mend it, or remove it and add the profiles again`);
  }
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw usage(`${where}: expected an object`);
}
