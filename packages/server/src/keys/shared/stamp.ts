import { stat } from 'node:fs/promises';

/**
 * What changes whenever a file does, without a look into it; the code of the error, if there is no such file. Symbolic links
 * are followed, so one that is pointed elsewhere is a change.
 */
export async function stampOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
}

export async function stampOfAll(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(stampOf))).join('\n');
}
