import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { findProgram, type Program } from './program.js';
import { type RespReply, redisCommand } from './resp.js';
import { ServerProcess } from './server-process.js';

export interface RedisOptions {
  /**
   * Directives of redis.conf by their names, such as `{ requirepass: 'x', 'maxmemory-policy': 'allkeys-lru', replicaof:
   * '127.0.0.1 7000', appendonly: 'yes' }`. It writes nothing to a disk unless they ask for it. With a directive
   * `sentinel` it is a Sentinel.
   */
  readonly config?: RedisConfig;
}

export type RedisConfig = Readonly<Record<string, string | readonly string[]>>;

/** A running Redis, or what is compatible with it. */
export interface Redis {
  readonly port: number;
  /** `redis://127.0.0.1:PORT`, with the password if it asks for one. */
  readonly url: string;
  readonly pid: number | undefined;
  /** Sends it one command. */
  command(...command: string[]): Promise<RespReply>;
  /** Ends it with SIGTERM or as said, and leaves its files. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, on its port and files. */
  start(): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

let program: Promise<Program> | undefined;

/**
 * Starts a real Redis on a free port of 127.0.0.1: that of REDIS_SERVER_BIN (which may be Valkey), else the system's, else
 * Debian's package.
 *
 * @throws Error that says what to do if there is none; or with its own words if it does not start
 * @example const redis = await startRedis({ config: { requirepass: 'secret' } });
 */
export async function startRedis({ config = {} }: RedisOptions = {}): Promise<Redis> {
  const found = await redisProgram();
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'countersign-redis-'));
    const file = join(directory, 'redis.conf');
    const password = config.requirepass === undefined ? undefined : String(config.requirepass);
    const command = (...words: string[]) => redisCommand(port, words, password);
    const server = new ServerProcess({
      program: found,
      args: [file, ...('sentinel' in config ? ['--sentinel'] : [])],
      directory,
      endSignal: 'SIGKILL', // nothing of it is kept
      ready: () => command('PING').then((reply) => reply === 'PONG', isAwake),
    });
    try {
      await writeFile(file, directives({ ...(await quiet(port, directory, config)), ...config }));
      await server.start();
    } catch (error) {
      await server.close();
      if (attempt === 5 || !/Address already in use/.test((error as Error).message)) throw error;
      continue;
    }
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return {
      port,
      url: `redis://${user}127.0.0.1:${port}`,
      get pid() {
        return server.pid;
      },
      command,
      stop: (signal = 'SIGTERM') => server.kill(signal),
      start: () => server.start(),
      close: () => server.close(),
    };
  }
}

/** A standalone Redis for whoever minds his own keys only: that of REDIS_URL, else one of {@link startRedis}. */
export async function useRedis(): Promise<Pick<Redis, 'url' | 'close'>> {
  const url = process.env.REDIS_URL;
  if (url === undefined || url === '') return startRedis();
  return { url, close: async () => {} };
}

/** That which {@link startRedis} starts. */
export function redisProgram(): Promise<Program> {
  program ??= findProgram({
    variable: 'REDIS_SERVER_BIN',
    name: 'redis-server',
    folders: ['/usr/local/bin', '/opt/homebrew/bin'],
    // The program of the one is a link to that of the other.
    debian: async () => ({
      packages: ['redis-server', 'redis-tools'],
      path: 'usr/bin/redis-server',
    }),
  });
  return program;
}

async function quiet(port: number, directory: string, config: RedisConfig): Promise<RedisConfig> {
  const everybody = { port: `${port}`, bind: '127.0.0.1', dir: directory, daemonize: 'no' };
  if ('sentinel' in config) return everybody;
  // Unless it is told, the port of the bus is 10,000 above, where there may be none.
  const bus = 'cluster-enabled' in config ? { 'cluster-port': `${await freePort()}` } : {};
  const files = { save: '', appendonly: 'no', 'repl-diskless-sync-delay': '0' };
  return { ...everybody, ...bus, ...files };
}

function directives(config: RedisConfig): string {
  return Object.entries(config)
    .flatMap(([name, values]) => [values].flat().map((value) => `${name} ${value || '""'}\n`))
    .join('');
}

/** One that takes connections and then refuses (a replica that is being filled, say) has started. */
function isAwake(error: unknown): boolean {
  return /^(NOAUTH|NOPERM|MASTERDOWN|READONLY)/.test((error as Error).message);
}
