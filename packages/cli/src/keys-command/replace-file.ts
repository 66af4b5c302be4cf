import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemCode, unavailable } from '../exit.js';

/**
 * Puts a text in the place of a file as a whole, or changes nothing; who may read it stays as it was, and of a new file only
 * its owner may. Whoever calls this holds the lock.
 *
 * @param check - looks at the new file; throws if it cannot be used, and is false if the old one is to stay
 * @returns false if it stayed
 */
export function replaceFile(
  path: string,
  text: string,
  check: (draft: string) => boolean,
): boolean {
  const draft = `${path}.new`;
  rmSync(draft, { force: true }); // of somebody who was interrupted
  try {
    writeDraft(draft, text, statSync(path, { throwIfNoEntry: false }), path);
    if (!check(draft)) {
      rmSync(draft);
      return false;
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
  return true;
}

function writeDraft(draft: string, text: string, old: Stats | undefined, path: string): void {
  const file = openSync(draft, 'wx', 0o600);
  try {
    if (old !== undefined && process.platform !== 'win32') takeOver(file, old, path);
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function takeOver(file: number, { uid, gid, mode }: Stats, path: string): void {
  const own = fstatSync(file);
  if (own.uid !== uid || own.gid !== gid) {
    try {
      fchownSync(file, uid, gid);
    } catch (error) {
      throw unavailable(
        `${path} is another user's or group's, who could not read it any more (${systemCode(error)}); run this as its owner`,
      );
    }
  }
  fchmodSync(file, mode & 0o777);
}

/** So that the new name outlives a power cut, where directories can be synced. */
function syncDirectory(path: string): void {
  let directory: number | undefined;
  try {
    directory = openSync(path, 'r');
    fsyncSync(directory);
  } catch {
    // The file stands there all the same.
  } finally {
    if (directory !== undefined) closeSync(directory);
  }
}
