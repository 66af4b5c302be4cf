import { setTimeout as delay } from 'node:timers/promises';
import { type PostgresPool, type PostgresResult, StatementRunner } from './pool.js';
import { horizonSql, purgeSql, type TableNames, writersSql } from './schema.js';

/** When expired nonces are removed, and how many at a time. */
export interface PostgresPurge {
  /** Seconds from one time to the next, 1–3,600; 30 unless said otherwise. */
  readonly every?: number | undefined;
  /** Rows of one statement, 1–100,000; 5,000 unless said otherwise. */
  readonly batch?: number | undefined;
}

/** The same, with every default filled in. */
export interface PurgeSettings {
  readonly every: number;
  readonly batch: number;
}

// A statement that removes rows may take longer than a claim (ms).
const DEADLINE = 10_000;
const PAUSE = 20;

/**
 * Removes what expired `clockMargin` seconds ago, batch by batch. The horizon is raised first and by itself, and every claim
 * that may not have seen it is waited for: none can meet a gap where a row was and take it for a nonce that is new.
 *
 * @returns how many rows were removed; 0 if another process has just been here
 */
export async function purgeExpired(
  pool: PostgresPool,
  names: TableNames,
  clockMargin: number,
  { every, batch }: PurgeSettings,
  isClosed: () => boolean,
): Promise<number> {
  const statements = new StatementRunner(pool, DEADLINE);
  const run = (text: string, values: unknown[]): Promise<PostgresResult> =>
    statements.run({ text, values });
  const raised = await run(horizonSql(names), [clockMargin, Math.ceil(every / 2)]);
  const [state] = raised.rows;
  if (state === undefined) return 0;
  await writersGone(async () => {
    const { rows } = await run(writersSql(names), []);
    return rows.map(({ id }) => String(id));
  });
  let removed = 0;
  while (!isClosed()) {
    // Not what another purge has raised it to meanwhile: that one has its own claims to wait for.
    const { rowCount } = await run(purgeSql(names), [batch, state.horizon]);
    removed += rowCount ?? 0;
    if ((rowCount ?? 0) < batch) break;
    await delay(PAUSE, undefined, { ref: false });
  }
  return removed;
}

/** Waits for those who write now. Who begins later sees the horizon: a statement looks when it has its lock. */
async function writersGone(writers: () => Promise<readonly string[]>): Promise<void> {
  const deadline = performance.now() + DEADLINE;
  let waitedFor = await writers();
  while (waitedFor.length > 0) {
    if (performance.now() > deadline) throw new Error('a transaction writes to the table for long');
    await delay(PAUSE, undefined, { ref: false });
    const present = new Set(await writers());
    waitedFor = waitedFor.filter((id) => present.has(id));
  }
}
