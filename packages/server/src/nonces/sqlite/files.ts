import { realpathSync, statSync } from 'node:fs';

/** The files of an open database, by which a connection knows that they are still those it has opened. */
export class DatabaseFiles {
  readonly #paths: readonly string[];
  readonly #were: readonly (string | undefined)[];

  /** @param file - a database in WAL mode that is open */
  constructor(file: string) {
    const real = realpathSync(file);
    // Whoever loses one of the last two no longer shares what is written, though the database is the same.
    this.#paths = [file, `${real}-wal`, `${real}-shm`];
    this.#were = this.#paths.map(fileIdentity);
  }

  /** False once one of them was removed or replaced. */
  areInPlace(): boolean {
    for (let i = 0; i < this.#paths.length; i++) {
      const was = this.#were[i];
      if (was === undefined || fileIdentity(this.#paths[i] as string) !== was) return false;
    }
    return true;
  }
}

/** Which file stands at a path; nothing is opened, since closing it would let go of the locks that this process has. */
export function fileIdentity(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}
