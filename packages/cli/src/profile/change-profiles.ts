import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode, unavailable } from '../exit.js';
import { loadProfiles, type Profiles } from './profile-file.js';

// How often, and after which pauses (ms), another change is waited for.
const ATTEMPTS = 40;
const PAUSE = 25;

/**
 * Changes the file as a whole or not at all. The new file is written beside the old one and takes its place; as long as it
 * stands beside it, nobody else changes anything.
 */
export async function changeProfiles(
  path: string,
  change: (profiles: Profiles) => void,
): Promise<void> {
  const draft = `${path}.new`;
  try {
    makeDirectory(dirname(path));
    const file = await openDraft(draft);
    try {
      try {
        const profiles = loadProfiles(path);
        change(profiles);
        writeFileSync(file, toText(profiles));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(draft, path);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw unavailable(`cannot write the profiles ${path} (${code})`);
  }
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
}

async function openDraft(path: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return openSync(path, 'wx', 0o600);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      if (attempt === ATTEMPTS) {
        throw unavailable(
          `profiles are being changed by another countersign; if none is running, remove ${path}`,
        );
      }
    }
    await sleep(PAUSE);
  }
}

function toText({ inUse, byName }: Profiles): string {
  return `${JSON.stringify({ inUse, profiles: Object.fromEntries(byName) }, undefined, 2)}\n`;
}
