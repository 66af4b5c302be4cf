import { randomBytes } from 'node:crypto';
import { inTime } from '../../request-view.js';
import type { RedisLink, RedisNode } from './link.js';
import { ServerClocks, type ServerTime } from './server-clocks.js';
import type { RedisWarningCode } from './warnings.js';

const LOOK_EVERY = 1_000; // ms, while there are claims
const PATIENCE = 4; // looks without an answer until another connection is tried

export interface DataWatchOptions {
  readonly link: RedisLink;
  /** The key of the mark. */
  readonly markKey: string;
  /** Milliseconds for one look. */
  readonly deadline: number;
  /** Seconds by which clocks may differ. */
  readonly clockMargin: number;
  readonly now: () => number;
  readonly warn: (code: RedisWarningCode, message: string) => void;
}

/** A server as it described itself; without an id, if it did not. */
interface Described extends ServerTime {
  readonly evicts: string | undefined;
}

/**
 * Knows since when the data has been whole. A mark among the data tells since when, and which servers held it then; if
 * the mark is gone, a server is another one than before, or its clock was set ahead, nonces may have been lost, and the data
 * counts as begun now.
 * It looks whenever connections have changed, before the first claim that follows, and once a second besides.
 */
export class DataWatch {
  readonly #options: DataWatchOptions;
  #since = Number.NEGATIVE_INFINITY;
  #servers: readonly string[] = [];
  readonly #clocks: ServerClocks;
  // Until the mark tells of it.
  #setAhead = false;
  #generation = 0;
  // The generation that was looked at last.
  #known = -1;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #asked: Asked | undefined;
  #patience = PATIENCE;

  constructor(options: DataWatchOptions) {
    this.#options = options;
    // The other half is for the clocks of the processes.
    this.#clocks = new ServerClocks((options.clockMargin * 1000) / 2);
    options.link.onChange((inDoubt) => {
      this.#generation++;
      this.#patience = inDoubt ? 1 : PATIENCE;
      if (options.link.isReady()) this.look().catch(() => {});
    });
    if (options.link.isReady()) this.look().catch(() => {});
  }

  /** What was dated up to this second may have been lost (seconds since 1970). */
  get since(): number {
    return this.#since;
  }

  /** Counts the changes of connections: an answer to what was asked in an earlier one says nothing. */
  get generation(): number {
    return this.#generation;
  }

  /** The answer to a claim is late or odd: before a look has shown it, it is not believed that others are given theirs. */
  doubt(): void {
    if (this.#known === this.#generation) this.#generation++;
  }

  /** True if the present connections have been looked at. */
  isCurrent(now: number): boolean {
    // A clock that was set back is a reason to look, too.
    if (!(Math.abs(now - this.#lookedAt) < LOOK_EVERY)) this.look().catch(() => {});
    return this.#known === this.#generation;
  }

  /** Looks now; several who ask at once share one look. Rejects if the servers do not answer. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { deadline, now } = this.#options;
    this.#lookedAt = now();
    const generation = this.#generation;
    const first = this.#known !== generation;
    // A server that is silent is not asked again before it has answered.
    if (this.#asked?.generation !== generation) this.#asked = this.#ask(generation, first);
    const { mark, servers } = await inTime(this.#asked.answer, deadline).catch((error) => {
      this.#lostPatience();
      throw error;
    });
    this.#patience = PATIENCE;
    this.#expect(generation);
    await this.#judge(mark, servers, first);
    this.#expect(generation);
    this.#known = generation;
    if (first) this.#warnOfEviction(servers);
  }

  #expect(generation: number): void {
    if (generation !== this.#generation) throw new Error('the connection changed meanwhile');
  }

  #ask(generation: number, whole: boolean): Asked {
    const { link, markKey } = this.#options;
    const ask = async () => {
      const nodes = await link.masters();
      if (nodes.length === 0) throw new Error('no server takes writes');
      const [mark, ...servers] = await Promise.all([
        link.send(markKey, ['GET', markKey]),
        ...nodes.map((node) => describe(node, whole)),
      ] as const);
      return { mark: readMark(mark), servers };
    };
    const asked: Asked = {
      generation,
      answer: ask().finally(() => {
        if (this.#asked === asked) this.#asked = undefined;
      }),
    };
    return asked;
  }

  /** Bytes that were no reply may have taken replies along: then the answers never come, or are those to others. */
  #lostPatience(): void {
    if (--this.#patience > 0) return;
    this.#patience = PATIENCE;
    this.#asked = undefined;
    this.#options.link.masters().then(
      (nodes) => {
        for (const node of nodes) node.reconnect();
      },
      () => {},
    );
  }

  async #judge(mark: Mark | undefined, described: readonly Described[], first: boolean) {
    const servers = described.flatMap(({ id }) => id ?? []);
    const nameless = servers.length < described.length;
    const unknown = servers.filter(
      (id) => !this.#servers.includes(id) && !mark?.servers.includes(id),
    );
    this.#setAhead ||= this.#clocks.wereSetAhead(described);
    const isWhole = unknown.length === 0 && !(nameless && first) && !this.#setAhead;
    if (mark !== undefined && isWhole) {
      // Another process may have noticed what this one could not.
      this.#since = Math.max(this.#since, mark.since);
      this.#servers = servers;
      return;
    }
    const { link, markKey, deadline, now, warn } = this.#options;
    const since = Math.floor(now() / 1000);
    const text = `${since} ${servers.join(',')}`;
    const reply = await inTime(link.send(markKey, ['SET', markKey, text]), deadline);
    if (reply !== 'OK') throw new Error('the mark could not be written');
    if (this.#known !== -1) {
      const why = this.#setAhead
        ? 'the clock of a server was set ahead'
        : 'a server was restarted or replaced';
      const what = mark === undefined ? 'the data is gone' : why;
      warn(
        'data_in_doubt',
        `${what}: what is dated up to now is refused, since its nonce may be lost`,
      );
    }
    this.#since = Math.max(this.#since, since);
    this.#servers = servers;
    this.#setAhead = false;
  }

  #warnOfEviction(servers: readonly Described[]): void {
    const { warn } = this.#options;
    for (const { evicts } of servers) {
      if (evicts === undefined) {
        warn('eviction_unknown', 'INFO does not tell maxmemory-policy; it must be noeviction');
      } else if (evicts !== 'noeviction') {
        warn(
          'evicts',
          `maxmemory-policy is ${evicts}: nonces can be evicted; set it to noeviction`,
        );
      }
    }
  }
}

/** A look under way, in which the connections were those of a generation. */
interface Asked {
  readonly generation: number;
  readonly answer: Promise<{
    readonly mark: Mark | undefined;
    readonly servers: readonly Described[];
  }>;
}

/** Asks who it is, and whether its answers belong to its questions. */
async function describe(node: RedisNode, whole: boolean): Promise<Described> {
  const token = randomBytes(12).toString('base64url');
  const info = (section: string) => node.send(['INFO', section]).catch(orNothing);
  let toldAt = 0;
  const [echo, server, memory] = await Promise.all([
    node.send(['ECHO', token]).catch((error) => orNothing(error) ?? token),
    info('server').finally(() => {
      toldAt = performance.now();
    }),
    whole ? info('memory') : undefined,
  ]);
  if (echo !== token) {
    node.reconnect();
    throw new Error('the connection is out of step');
  }
  const microseconds = Number(lineOf(server, 'server_time_usec') ?? Number.NaN);
  const time = Number.isFinite(microseconds) ? microseconds / 1000 : undefined;
  const [id, evicts] = [lineOf(server, 'run_id'), lineOf(memory, 'maxmemory_policy')];
  return { id, evicts, time, toldAt };
}

/** What a user may not ask is unknown; any other error is one. */
function orNothing(error: unknown): undefined {
  if (/^NOPERM/.test((error as Error).message)) return undefined;
  throw error;
}

function lineOf(info: unknown, name: string): string | undefined {
  return typeof info === 'string'
    ? new RegExp(`^${name}:([\\w-]+)\\r?$`, 'm').exec(info)?.[1]
    : undefined;
}

interface Mark {
  readonly since: number;
  readonly servers: readonly string[];
}

/** A mark that cannot be read is none. */
function readMark(text: unknown): Mark | undefined {
  const parts = typeof text === 'string' ? /^(\d{1,12}) ([\w,]*)$/.exec(text) : null;
  if (parts === null) return undefined;
  return { since: Number(parts[1]), servers: (parts[2] as string).split(',') };
}
