import type { Server as HttpServer } from 'node:http';
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { addressOf, listen } from './listen.js';

/** A server that is to listen somewhere. */
export interface Wanted {
  readonly listen: string;
  /** What it is: one of another kind cannot take its place. */
  readonly kind: string;
  /** True if only the owner of a socket of Unix may reach it, until `settle` says otherwise. */
  readonly isPrivate?: boolean;
  create(): Server;
  /** Is done to it, new or not, once all that are wanted are there. */
  settle?(server: Server): void;
}

interface Listening extends Wanted {
  readonly server: Server;
  readonly address: string;
  /** Every connection, those that are no HTTP any more among them. */
  readonly sockets: Set<Socket>;
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

  /**
   * Starts what is new, then ends what is wanted no more. If something cannot be started, all stays as it was.
   *
   * @param drain - seconds for the requests of those that end
   */
  async apply(wanted: ReadonlyMap<string, Wanted>, drain: number): Promise<void> {
    const started: Listening[] = [];
    const next = new Map<string, Listening>();
    const left = new Map(this.#all);
    try {
      for (const [name, want] of wanted) {
        const place = placeOf(left, name, want);
        if (place !== undefined) {
          next.set(name, left.get(place) as Listening);
          left.delete(place);
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
    this.#all = next;
    for (const [name, want] of wanted) want.settle?.((next.get(name) as Listening).server);
    void Promise.all([...left.values()].map((listening) => end(listening, drain * 1000)));
  }

  /**
   * @param drain - milliseconds for requests under way
   * @param last - goes on until all others have ended
   */
  async close(drain: number, last?: string): Promise<void> {
    const all = [...this.#all];
    this.#all = new Map();
    const endAll = (some: typeof all) => Promise.all(some.map(([, one]) => end(one, drain)));
    await endAll(all.filter(([name]) => name !== last));
    await endAll(all.filter(([name]) => name === last));
  }
}

/** What is there already and can stay: by its name, or by where it listens, as the names of some are but their numbers. */
function placeOf(
  present: ReadonlyMap<string, Listening>,
  name: string,
  { listen, kind }: Wanted,
): string | undefined {
  const fits = (one: Listening | undefined) => one?.listen === listen && one.kind === kind;
  if (fits(present.get(name))) return name;
  if (listen.endsWith(':0')) return undefined;
  return [...present].find(([, one]) => fits(one))?.[0];
}

async function start(name: string, want: Wanted): Promise<Listening> {
  const server = want.create();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    if (sockets.has(socket)) return; // given back by what took it off its parser
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const sessions = new Set<ServerHttp2Session>();
  (server as Http2Server).on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  await listen(server, want.listen, `${name}.listen`, want.isPrivate);
  return { ...want, server, sockets, sessions, address: addressOf(server) };
}

async function end({ server, sockets, sessions }: Listening, drain: number): Promise<void> {
  const http = server as HttpServer;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const idle = setInterval(() => http.closeIdleConnections?.(), TICK);
  for (const session of sessions) session.close();
  const late = setTimeout(() => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  }, drain);
  http.closeIdleConnections?.();
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
