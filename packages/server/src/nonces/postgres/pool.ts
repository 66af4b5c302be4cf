import { type Due, DueList } from '../shared/due-list.js';

/** A connection that was taken out of a pool. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Gives it back; with true it is closed. */
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

export interface PostgresQuery {
  readonly text: string;
  readonly values?: unknown[];
  readonly name?: string | undefined;
}

export interface PostgresResult {
  /** What the server says it has done, such as `INSERT`. */
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: readonly Record<string, unknown>[];
}

/** A `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  readonly totalCount: number;
  readonly options: { readonly connectionTimeoutMillis?: number | null | undefined };
}

const EXPECTED = 'pool: expected a Pool of pg';

/**
 * A pool and nothing else: a client could be in the middle of the application's transaction.
 *
 * @throws TypeError or RangeError that names the option `pool`
 */
export function poolOf(value: unknown): PostgresPool {
  if (!isPool(value)) throw new TypeError(EXPECTED);
  const timeout = value.options?.connectionTimeoutMillis;
  if (!(typeof timeout === 'number' && timeout > 0)) {
    throw new RangeError(
      'pool: needs connectionTimeoutMillis (250, say): without it, a connection that hangs is waited for without end',
    );
  }
  return value;
}

function isPool(value: unknown): value is PostgresPool {
  if (typeof value !== 'object' || value === null) return false;
  const { connect, totalCount } = value as Partial<PostgresPool>;
  return typeof connect === 'function' && typeof totalCount === 'number';
}

const ignore = () => {};

interface Run extends Due {
  readonly query: PostgresQuery;
  readonly resolve: (result: PostgresResult) => void;
  readonly reject: (error: unknown) => void;
  /** True once it has a connection. */
  sent: boolean;
}

interface Sent extends Due {
  readonly client: PostgresClient;
}

/**
 * Runs statements, each on a connection of its own. One that is not answered in time is given up, and one that has not got a
 * connection by then is never run. A connection that takes as long again for its statement is closed: no sooner, since it may
 * have got it late, and making new ones is what a busy server can do least.
 */
export class StatementRunner {
  readonly #pool: PostgresPool;
  readonly #runs: DueList<Run>;
  readonly #sent: DueList<Sent>;

  /** @param deadline - milliseconds for each */
  constructor(pool: PostgresPool, deadline: number) {
    this.#pool = pool;
    this.#runs = new DueList(deadline, late);
    this.#sent = new DueList(deadline, ({ client }) => giveBack(client, true));
  }

  run(query: PostgresQuery): Promise<PostgresResult> {
    return new Promise((resolve, reject) => {
      const due = this.#runs.dueFromNow();
      const run: Run = { due, open: true, next: undefined, query, sent: false, resolve, reject };
      this.#runs.add(run);
      this.#pool.connect().then(
        (connection) => this.#send(run, connection),
        (error) => this.#over(run, reject, error),
      );
    });
  }

  #send(run: Run, client: PostgresClient): void {
    if (!run.open || performance.now() >= run.due) {
      client.release();
      this.#over(run, run.reject, new Error('no connection in time'));
      return;
    }
    run.sent = true;
    const sent: Sent = { due: this.#sent.dueFromNow(), open: true, next: undefined, client };
    this.#sent.add(sent);
    take(client);
    const failed = (error: unknown) => {
      this.#answered(sent, !isRefusal(error));
      this.#over(run, run.reject, error);
    };
    try {
      client.query(run.query).then((result) => {
        this.#answered(sent, false);
        this.#over(run, run.resolve, result);
      }, failed);
    } catch (error) {
      failed(error);
    }
  }

  #answered(sent: Sent, broken: boolean): void {
    if (!sent.open) return;
    this.#sent.close(sent);
    giveBack(sent.client, broken);
  }

  /** Settles it; if it was given up, that changes nothing any more. */
  #over<T>(run: Run, settle: (outcome: T) => void, outcome: T): void {
    if (run.open) this.#runs.close(run);
    settle(outcome);
  }
}

/** One that still waits for a connection goes on waiting: whoever counts those that wait must not be told of less. */
function late({ sent, reject }: Run): void {
  if (sent) reject(new Error('no answer in time'));
}

/** Without a listener, an error of the connection would end the process. */
function take(client: PostgresClient): void {
  client.on('error', ignore);
}

function giveBack(client: PostgresClient, broken: boolean): void {
  client.off('error', ignore);
  client.release(broken);
}

/**
 * Runs one statement on a connection of its own. A statement that is not answered in time takes its connection along, and
 * one that has not got a connection by then is never run.
 *
 * @param deadline - milliseconds
 */
export function runOnce(
  pool: PostgresPool,
  query: PostgresQuery,
  deadline: number,
): Promise<PostgresResult> {
  return runTogether(pool, deadline, (run) => run(query));
}

/**
 * The same for several statements on one connection. What `work` throws must not look like a refusal of the server, if it
 * leaves a transaction open.
 *
 * @param deadline - milliseconds, for all of them
 */
export async function runTogether<T>(
  pool: PostgresPool,
  deadline: number,
  work: (run: (query: PostgresQuery) => Promise<PostgresResult>) => Promise<T>,
): Promise<T> {
  const due = performance.now() + deadline;
  const client = await pool.connect();
  if (performance.now() >= due) {
    client.release();
    throw new Error('no connection in time');
  }
  take(client);
  let timer: NodeJS.Timeout | undefined;
  let broken = true;
  try {
    const late = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error('no answer in time'));
      // A process that was busy for long has its answers in its sockets: they are read before the timer is believed.
      timer = setTimeout(() => setImmediate(fail), due - performance.now());
    });
    late.catch(ignore); // nobody may be waiting just then
    const result = await work((query) => Promise.race([client.query(query), late]));
    broken = false;
    return result;
  } catch (error) {
    broken = !isRefusal(error);
    throw error;
  } finally {
    clearTimeout(timer);
    giveBack(client, broken);
  }
}

/**
 * What a server answers leaves the connection as it was; not so if it is shutting down or has failed inside, or if it has
 * become a standby: the next connection may find the server that took over.
 */
function isRefusal(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && /^(?!08|57P|XX|25006|55000)[0-9A-Z]{5}$/.test(code);
}

/**
 * Does something on one connection, for as long as that takes.
 *
 * @throws TypeError that names the option `pool`
 */
export async function onConnection(
  pool: unknown,
  work: (client: PostgresClient) => Promise<void>,
): Promise<void> {
  if (!isPool(pool)) throw new TypeError(EXPECTED);
  const client = await pool.connect();
  take(client);
  try {
    await work(client);
  } finally {
    giveBack(client, false);
  }
}
