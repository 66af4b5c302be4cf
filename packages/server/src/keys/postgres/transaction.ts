import {
  type PostgresPool,
  type PostgresQuery,
  type PostgresResult,
  runTogether,
} from '../../nonces/postgres/pool.js';

/** Runs one statement of a transaction. */
export type Run = (text: string, values: unknown[]) => Promise<PostgresResult>;

/**
 * Runs a transaction on a connection of its own, which is closed if anything of it fails: the server takes back what is not
 * committed. It is committed if `work` resolves with true, otherwise taken back.
 *
 * @param deadline - milliseconds
 * @throws Error if it failed; while it was being committed, it may have been
 */
export function inTransaction(
  pool: PostgresPool,
  deadline: number,
  work: (run: Run) => Promise<boolean>,
): Promise<boolean> {
  return runTogether(pool, deadline, async (query) => {
    // What waits for a lock has no use for it later.
    const begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = ${Math.ceil(deadline)}`;
    const all = (each: PostgresQuery) => query(each).catch(broken);
    await all({ text: begin });
    const commit = await work((text, values) => all({ text, values }));
    const { command } = await all({ text: commit ? 'COMMIT' : 'ROLLBACK' });
    if (command !== (commit ? 'COMMIT' : 'ROLLBACK'))
      throw new Error(`PostgreSQL answered ${command}`);
    return commit;
  });
}

/** What a server refuses leaves a single statement's connection as it was, but not a transaction. */
function broken(error: unknown): never {
  throw new Error(`PostgreSQL: ${(error as Error).message}`, { cause: error });
}
