import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.js';

const CACHE = fileURLToPath(new URL('../../../.cache/debian', import.meta.url));

/** Packages of Debian, unpacked as if `root` were `/`. */
export interface DebianTree {
  readonly root: string;
  /** What the programs in it need in their environment: LD_LIBRARY_PATH, if they brought libraries. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Programs of Debian without installing them: downloads packages and unpacks them, once, with the shared libraries that
 * the system lacks. Needs no root, and leaves the state of the system's apt as it is.
 *
 * @param names - the packages, such as `['redis-server', 'redis-tools']`: what they depend on is not among them, libraries aside
 * @param cacheDir - where they stay from one run to the next; `.cache/debian` of the repository unless said otherwise
 * @throws Error that says in one line why they cannot be had
 */
export async function debianPackage(
  names: readonly string[],
  cacheDir: string = CACHE,
): Promise<DebianTree> {
  const root = join(cacheDir, `${await release()}-${process.arch}`, names.join('+'));
  try {
    if (!(await exists(root))) await underLock(cacheDir, () => fetchOnce(names, cacheDir, root));
    return { root, env: await environmentOf(root) };
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n').slice(-1);
    throw new Error(`cannot get ${names.join(', ')} from Debian (${reason})`, { cause });
  }
}

/** The name of the system's release. What one was linked with, another one may not have. */
export async function release(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1] ?? 'unknown';
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Lets one process at a time do it. The kernel lifts the lock of a process that is killed. */
async function underLock(cacheDir: string, work: () => Promise<void>): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const lock = ['--exclusive', join(cacheDir, 'lock'), 'sh', '-c', 'echo held; exec cat'];
  const holder = spawn('flock', lock, { stdio: ['pipe', 'pipe', 'ignore'] });
  await new Promise((resolve, reject) => {
    holder.stdout.once('data', resolve);
    holder.once('error', reject);
    holder.once('exit', (code) => reject(new Error(`flock ended with ${code}`)));
  });
  try {
    await work();
  } finally {
    const ended = once(holder, 'exit');
    holder.stdin.end();
    await ended;
  }
}

async function fetchOnce(names: readonly string[], cacheDir: string, root: string): Promise<void> {
  if (await exists(root)) return; // somebody else held the lock, and did it
  const work = await mkdtemp(join(cacheDir, 'work-'));
  try {
    const tree = join(work, 'tree');
    const apt = await privateApt(join(work, 'apt'));
    const fetched = new Set<string>();
    let wanted = [...names];
    while (wanted.length > 0) {
      tellOf(wanted);
      const dependencies = await fetchInto(tree, apt, work, wanted);
      for (const name of wanted) fetched.add(name);
      if ((await missingLibraries(tree)).length === 0) break;
      wanted = dependencies.filter((name) => /^lib(?!c6)/.test(name) && !fetched.has(name));
    }
    const missing = await missingLibraries(tree);
    if (missing.length > 0) throw new Error(`shared libraries missing: ${missing.join(', ')}`);
    await mkdir(join(root, '..'), { recursive: true });
    await rename(tree, root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whoever waits should know what for. */
function tellOf([first, ...others]: readonly string[]): void {
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  process.stderr.write(`unpacking ${first}${more} from Debian, this once\n`);
}

/** Downloads and unpacks, and tells the names of what those packages depend on. */
async function fetchInto(
  tree: string,
  apt: Apt,
  work: string,
  names: readonly string[],
): Promise<string[]> {
  const downloads = await mkdtemp(join(work, 'deb-'));
  await apt.download(names, downloads);
  const dependencies: string[] = [];
  for (const file of await readdir(downloads)) {
    const deb = join(downloads, file);
    await run('dpkg-deb', ['-x', deb, tree]);
    const depends = await run('dpkg-deb', ['-f', deb, 'Depends']);
    // Of alternatives ("a | b"), the first one; without versions.
    dependencies.push(
      ...depends.split(',').flatMap((one) => /[a-z0-9][a-z0-9.+-]*/.exec(one) ?? []),
    );
  }
  return [...new Set(dependencies)];
}

interface Apt {
  download(names: readonly string[], directory: string): Promise<void>;
}

/** Reads the system's package lists where they serve, and fetches its own where they do not; writes to its own folder only. */
async function privateApt(directory: string): Promise<Apt> {
  for (const part of ['cache/archives/partial', 'state/lists/partial', 'log']) {
    await mkdir(join(directory, part), { recursive: true });
  }
  const own = [
    ...['-o', `Dir::Cache=${join(directory, 'cache')}`, '-o', `Dir::Log=${join(directory, 'log')}`],
    ...['-o', 'APT::Sandbox::User=root'], // no other user can write to our folder
    ...['-o', 'Acquire::Retries=3'],
  ];
  const lists = ['-o', `Dir::State::lists=${join(directory, 'state/lists')}`];
  const env = { ...process.env, LC_ALL: 'C' };
  let updated = false;
  return {
    async download(names, cwd) {
      if (!updated) {
        try {
          await run('apt-get', ['download', ...own, ...names], { cwd, env });
          return;
        } catch {} // no lists, or lists of packages that are gone
        await run('apt-get', ['update', ...own, ...lists, '--error-on=any'], { cwd, env });
        updated = true;
      }
      await run('apt-get', ['download', ...own, ...lists, ...names], { cwd, env });
    },
  };
}

async function missingLibraries(root: string): Promise<string[]> {
  const env = { ...process.env, ...(await environmentOf(root)), LC_ALL: 'C' };
  const missing = new Set<string>();
  for (const program of await programsOf(root)) {
    const text = await run('ldd', [program], { env }).catch(() => ''); // a static one has none
    for (const [, name = ''] of text.matchAll(/^\s*(\S+) => not found$/gm)) missing.add(name);
  }
  return [...missing];
}

async function programsOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const programs: string[] = [];
  for (const entry of entries.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const executable = access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (((await executable) || /\.so(\.|$)/.test(entry.name)) && (await isElf(path))) {
      programs.push(path);
    }
  }
  return programs;
}

async function isElf(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString('latin1') === '\x7fELF';
  } finally {
    await file.close();
  }
}

/** The folders of the tree in which a linker looks for libraries, and those that a library has for its own. */
async function environmentOf(root: string): Promise<Record<string, string>> {
  const folders: string[] = [];
  for (const top of ['lib', 'usr/lib']) {
    const entries = await readdir(join(root, top), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    const libraries = entries.filter(({ name }) => /^lib.*\.so(\.[0-9]|$)/.test(name));
    folders.push(...libraries.map((entry) => entry.parentPath));
  }
  return folders.length === 0 ? {} : { LD_LIBRARY_PATH: [...new Set(folders)].join(':') };
}
