import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { isListening } from './is-listening.js';
import { findProgram, type Program } from './program.js';
import { ServerProcess } from './server-process.js';

export interface HaproxyOptions {
  /** The configuration that has it listen on this port of 127.0.0.1. */
  config(port: number): string;
  /** Files that stand beside the configuration, where it is started, by their names: scripts in Lua. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A running HAProxy. */
export interface Haproxy {
  readonly port: number;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

let program: Promise<Program> | undefined;

/**
 * Starts a real HAProxy: that of HAPROXY_BIN, else the system's, else Debian's package.
 *
 * @throws Error that says what to do if there is none; or with HAProxy's own words if it does not take the configuration
 * @example const haproxy = await startHaproxy({ config: (port) => `frontend a\n bind 127.0.0.1:${port}\n` });
 */
export async function startHaproxy({ config, files = {} }: HaproxyOptions): Promise<Haproxy> {
  program ??= findProgram({
    variable: 'HAPROXY_BIN',
    name: 'haproxy',
    folders: ['/usr/sbin', '/usr/local/sbin'],
    debian: async () => ({ packages: ['haproxy'], path: 'usr/sbin/haproxy' }),
  });
  const found = await program;
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'countersign-haproxy-'));
    const server = new ServerProcess({
      program: found,
      args: ['-db', '-f', 'haproxy.cfg'],
      directory,
      ready: () => isListening(port),
      endSignal: 'SIGTERM',
    });
    try {
      for (const [name, text] of Object.entries({ ...files, 'haproxy.cfg': config(port) })) {
        await writeFile(join(directory, name), text);
      }
      await server.start();
      return { port, close: () => server.close() };
    } catch (error) {
      await server.close();
      if (!/address already in use/i.test(String(error)) || attempt === 5) throw error;
    }
  }
}
