import type { Server as HttpServer } from 'node:http';
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Server } from 'node:net';
import { addressOf, listen } from './listen.js';

/** A server that is to listen somewhere. */
export interface Wanted {
  readonly listen: string;
  /** What it is: one of another kind cannot take its place. */
  readonly kind: string;
  create(): Server;
}

interface Listening extends Wanted {
  readonly server: Server;
  readonly address: string;
  readonly sessions: Set<ServerHttp2Session>;
}

// How often connections that have become idle are closed while others are waited for (ms).
const TICK = 50;

/** The servers of the gateway: those that stay the same stay, and keep their connections. */
export class Listeners {
  #all = new Map<string, Listening>();

  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#all].map(([name, { address }]) => [name, address]));
  }

  get(name: string): Server | undefined {
    return this.#all.get(name)?.server;
  }

  /**
   * Starts what is new, then ends what is wanted no more. If something cannot be started, all stays as it was.
   *
   * @param drain - seconds for the requests of those that end
   */
  async apply(wanted: ReadonlyMap<string, Wanted>, drain: number): Promise<void> {
    const started: Listening[] = [];
    const next = new Map<string, Listening>();
    try {
      for (const [name, want] of wanted) {
        const present = this.#all.get(name);
        if (present !== undefined && present.listen === want.listen && present.kind === want.kind) {
          next.set(name, present);
          continue;
        }
        const listening = await start(name, want);
        started.push(listening);
        next.set(name, listening);
      }
    } catch (error) {
      await Promise.all(started.map((listening) => end(listening, 0)));
      throw error;
    }
    const ended = [...this.#all.values()].filter((each) => ![...next.values()].includes(each));
    this.#all = next;
    void Promise.all(ended.map((listening) => end(listening, drain * 1000)));
  }

  /** @param drain - milliseconds for requests under way */
  async close(drain: number): Promise<void> {
    const all = [...this.#all.values()];
    this.#all = new Map();
    await Promise.all(all.map((listening) => end(listening, drain)));
  }
}

async function start(name: string, want: Wanted): Promise<Listening> {
  const server = want.create();
  const sessions = new Set<ServerHttp2Session>();
  (server as Http2Server).on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  await listen(server, want.listen, `${name}.listen`);
  return { ...want, server, sessions, address: addressOf(server) };
}

async function end({ server, sessions }: Listening, drain: number): Promise<void> {
  const http = server as HttpServer;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const idle = setInterval(() => http.closeIdleConnections?.(), TICK);
  for (const session of sessions) session.close();
  const late = setTimeout(() => {
    http.closeAllConnections?.();
    for (const session of sessions) session.destroy();
  }, drain);
  http.closeIdleConnections?.();
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
