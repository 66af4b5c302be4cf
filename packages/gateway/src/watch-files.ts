import { stat } from 'node:fs/promises';

// Looking at a few files costs less than finding out on which systems their changes are told: not of files that another one
// takes the place of, not of those that Kubernetes swaps by a link, not of network drives.
const EVERY = 1_000;

/**
 * Calls back when one of the files has changed, until it is stopped.
 *
 * @param files - looked at anew each time
 */
export function watchFiles(
  files: () => Iterable<string>,
  changed: () => Promise<void>,
): () => void {
  let seen: string | undefined;
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const now = await stateOf(files());
      if (seen !== undefined && seen !== now) await changed();
      seen = seen === now ? now : await stateOf(files());
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), EVERY).unref();
  void look();
  return () => clearInterval(timer);
}

async function stateOf(files: Iterable<string>): Promise<string> {
  const states = await Promise.all(
    [...files].map(async (file) => {
      const { mtimeMs, size, ino } = await stat(file).catch(() => ({
        mtimeMs: 0,
        size: -1,
        ino: 0,
      }));
      return `${file} ${mtimeMs} ${size} ${ino}`;
    }),
  );
  return states.join('\n');
}
