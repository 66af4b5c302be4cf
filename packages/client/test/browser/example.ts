import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@countersign/test-servers';

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url));

/** The example of a page of the documentation, running as its reader would run it. */
export interface Example {
  readonly origin: string;
  /** Waits until it has printed what matches; rejects with what it printed after so many milliseconds. */
  prints(pattern: RegExp, deadline: number): Promise<void>;
  close(): Promise<void>;
}

/** Saves the `file=` blocks of a page and runs its `server.mjs`. */
export async function startExample(markdown: string): Promise<Example> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-browser-'));
  await install(join(directory, 'node_modules'));
  for (const [, name = '', text = ''] of markdown.matchAll(
    /^```js file=(\S+)\n([\s\S]*?)^```$/gm,
  )) {
    await writeFile(join(directory, name), text);
  }
  const port = await freePort();
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: directory,
    env: { PATH: process.env.PATH, PORT: String(port) },
  });
  const prints = printsOf(child);
  const close = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
    await rm(directory, { recursive: true });
  };
  try {
    await prints(/listening on/, 20_000);
  } catch (error) {
    await close();
    throw error;
  }
  return { origin: `http://127.0.0.1:${port}`, prints, close };
}

function printsOf(child: ChildProcess): Example['prints'] {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      child.emit('printed');
    });
  }
  return (pattern, deadline) =>
    new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(late);
        child.off('printed', look).off('exit', ended);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = () => {
        if (pattern.test(text)) settle();
      };
      const ended = () => settle(new Error(`it ended, and had printed: ${text}`));
      const late = setTimeout(
        () => settle(new Error(`no ${pattern} after ${deadline} ms, but: ${text}`)),
        deadline,
      );
      child.on('printed', look).once('exit', ended);
      look();
    });
}

/** What `npm install` would have brought: what is published of the packages, and what they depend on. */
async function install(modules: string): Promise<void> {
  await mkdir(join(modules, '@countersign'), { recursive: true });
  for (const name of ['client', 'core', 'server']) {
    for (const part of ['dist', 'package.json']) {
      const target = join(modules, '@countersign', name, part);
      await cp(join(PACKAGES, name, part), target, { recursive: true });
    }
  }
  for (const name of ['client', 'server']) {
    const dependencies = join(PACKAGES, name, 'node_modules');
    for (const dependency of await readdir(dependencies)) {
      if (/^[.@]/.test(dependency)) continue;
      await symlink(join(dependencies, dependency), join(modules, dependency)).catch(() => {}); // both have it
    }
  }
}
