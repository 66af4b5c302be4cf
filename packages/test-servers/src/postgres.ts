import { chown, mkdir, mkdtemp, readFile, realpath, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { release } from './debian.js';
import { freePort } from './free-port.js';
import { findProgram, type Program } from './program.js';
import { run } from './run.js';
import { ServerProcess } from './server-process.js';

const CACHE = fileURLToPath(new URL('../../../.cache/postgres', import.meta.url));

export interface PostgresOptions {
  /** Settings by their names, such as `{ max_connections: '5', fsync: 'on' }`. Nothing is forced to the disk unless they ask for it. */
  readonly config?: Readonly<Record<string, string>>;
}

/** A running PostgreSQL with the user and database `postgres`, which asks for no password. */
export interface Postgres {
  readonly port: number;
  /** `postgres://postgres@127.0.0.1:PORT/postgres` */
  readonly url: string;
  /** Of the postmaster. */
  readonly pid: number | undefined;
  /** Whom it runs as, if not as us. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Ends it at once, by SIGQUIT or as said, and leaves its files. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, on its port and files. */
  start(): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

let program: Promise<Program> | undefined;

/**
 * Starts a real PostgreSQL on a free port of 127.0.0.1: that of POSTGRES_BIN (its `initdb` stands beside it), else the
 * system's, else Debian's package.
 *
 * @throws Error that says what to do if there is none; or with its own words if it does not start
 * @example const { url, close } = await startPostgres({ config: { max_connections: '10' } });
 */
export async function startPostgres({ config = {} }: PostgresOptions = {}): Promise<Postgres> {
  program ??= findPostgres();
  const found = await program;
  const template = await templateOf(found);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'countersign-postgres-'));
    const owner = await ownedByServer(directory);
    const data = join(directory, 'data');
    const settings = { ...quick(port, directory), ...config };
    const server = new ServerProcess({
      program: found,
      args: ['-D', data, ...Object.entries(settings).flatMap(([n, v]) => ['-c', `${n}=${v}`])],
      directory,
      endSignal: 'SIGQUIT',
      owner,
      ready: () => isReady(data),
    });
    try {
      await run('tar', ['-xf', template, '-C', directory]);
      await server.start();
    } catch (error) {
      await server.close();
      if (attempt === 5 || !/Address already in use/.test((error as Error).message)) throw error;
      continue;
    }
    return {
      port,
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      owner,
      get pid() {
        return server.pid;
      },
      stop: (signal = 'SIGQUIT') => server.kill(signal),
      start: () => startAfterOrphans(server, data),
      close: () => server.close(),
    };
  }
}

/** A PostgreSQL for whoever minds his own schema only: that of POSTGRES_URL, else one of {@link startPostgres}. */
export async function usePostgres(): Promise<Pick<Postgres, 'url' | 'close'>> {
  const url = process.env.POSTGRES_URL;
  if (url === undefined || url === '') return startPostgres();
  return { url, close: async () => {} };
}

/** Of the releases that are not here, the newest is as good a guess as any. */
const VERSIONS: Readonly<Record<string, number>> = {
  jammy: 14,
  bookworm: 15,
  noble: 16,
  trixie: 17,
};

async function findPostgres(): Promise<Program> {
  return findProgram({
    variable: 'POSTGRES_BIN',
    name: 'postgres',
    folders: [18, 17, 16, 15, 14].flatMap((version) => [
      `/usr/lib/postgresql/${version}/bin`,
      `/opt/homebrew/opt/postgresql@${version}/bin`,
    ]),
    debian: async () => {
      const version = VERSIONS[await release()] ?? 17;
      return {
        packages: [`postgresql-${version}`],
        path: `usr/lib/postgresql/${version}/bin/postgres`,
      };
    },
  });
}

/** It refuses to run as root: then it is nobody. */
async function ownedByServer(
  directory: string,
): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = { uid: 65_534, gid: 65_534 };
  await chown(directory, owner.uid, owner.gid);
  return owner;
}

/** A tar of the files of an empty server: to unpack it takes a tenth of the time of making it. */
async function templateOf({ path, env }: Program): Promise<string> {
  const version = (await run(path, ['--version'], { env: { ...process.env, ...env } })).trim();
  const user = process.getuid?.() ?? 0;
  const template = join(CACHE, `${version.replaceAll(/[^\w.]+/g, '-')}-user${user}.tar`);
  const made = readFile(template).then(
    () => true,
    () => false,
  );
  if (await made) return template;
  const work = await mkdtemp(join(tmpdir(), 'countersign-initdb-'));
  try {
    const owner = await ownedByServer(work);
    const initdb = join(dirname(await realpath(path)), 'initdb');
    const args = [
      ...['-D', join(work, 'data'), '--username=postgres', '--auth=trust', '--no-sync'],
      ...['--encoding=UTF8', '--no-locale', '--wal-segsize=1', '--no-instructions'],
    ];
    await run(initdb, args, { env: { ...process.env, ...env }, cwd: work, ...owner });
    await mkdir(CACHE, { recursive: true });
    const whole = `${template}.${process.pid}`;
    await run('tar', ['-cf', whole, '-C', work, 'data']);
    await rename(whole, template); // two at once make the same
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return template;
}

const quick = (port: number, directory: string) => ({
  port: `${port}`,
  listen_addresses: '127.0.0.1',
  unix_socket_directories: directory,
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  shared_buffers: '16MB',
  max_connections: '60',
});

/** The processes of a postmaster that was killed end by themselves, a little later; until then the next one refuses. */
async function startAfterOrphans(server: ServerProcess, data: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await rm(join(data, 'postmaster.pid'), { force: true });
    try {
      await server.start();
      return;
    } catch (error) {
      if (attempt === 50 || !/shared memory block/.test((error as Error).message)) throw error;
    }
    await delay(20);
  }
}

/** Its eighth line is what it says of itself. */
async function isReady(data: string): Promise<boolean> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  return /^(ready|standby)$/.test(text.split('\n')[7]?.trim() ?? '');
}
