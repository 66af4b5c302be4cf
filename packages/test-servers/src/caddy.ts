import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { isListening } from './is-listening.js';
import { findProgram, type Program } from './program.js';
import { ServerProcess } from './server-process.js';

export interface CaddyOptions {
  /** The Caddyfile that has it listen on this port of 127.0.0.1. */
  caddyfile(port: number): string;
}

/** A running Caddy. */
export interface Caddy {
  readonly port: number;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

let program: Promise<Program> | undefined;

/**
 * Starts a real Caddy: that of CADDY_BIN, else the system's, else Debian's package.
 *
 * @throws Error that says what to do if there is none; or with Caddy's own words if it does not take the configuration
 * @example const caddy = await startCaddy({ caddyfile: (port) => `http://127.0.0.1:${port} {\n respond hello\n}\n` });
 */
export async function startCaddy({ caddyfile }: CaddyOptions): Promise<Caddy> {
  program ??= findProgram({
    variable: 'CADDY_BIN',
    name: 'caddy',
    folders: ['/usr/local/bin'],
    debian: async () => ({ packages: ['caddy'], path: 'usr/bin/caddy' }),
  });
  const { path, env } = await program;
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'countersign-caddy-'));
    const own = {
      CADDY_ADMIN: `unix/${directory}/admin.sock`,
      HOME: directory,
      XDG_DATA_HOME: directory,
      XDG_CONFIG_HOME: directory,
    };
    const file = join(directory, 'Caddyfile');
    const server = new ServerProcess({
      program: { path, env: { ...env, ...own } },
      args: ['run', '--config', file, '--adapter', 'caddyfile'],
      directory,
      ready: () => isListening(port),
      endSignal: 'SIGTERM',
    });
    try {
      await writeFile(file, caddyfile(port));
      await server.start();
      return { port, close: () => server.close() };
    } catch (error) {
      await server.close();
      if (!/address already in use/.test(String(error)) || attempt === 5) throw error;
    }
  }
}
