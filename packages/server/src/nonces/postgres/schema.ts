/** A table and, of the same schema and name, what belongs to it. */
export interface TableNames {
  /** As given: for people. */
  readonly table: string;
  /** Quoted, as every member below. */
  readonly nonces: string;
  readonly state: string;
  readonly index: string;
}

const NAME = /^(?:([a-z_][a-z0-9_]{0,62})\.)?([a-z_][a-z0-9_]{0,49})$/;

/**
 * The names for a table given as `name` or `schema.name`.
 *
 * @throws TypeError or RangeError that names the option `table`
 */
export function tableNames(table: unknown): TableNames {
  if (typeof table !== 'string') throw new TypeError('table: expected a string');
  const parts = NAME.exec(table);
  if (parts === null) {
    throw new RangeError(
      'table: expected a name, or a schema, a dot and a name; of a-z 0-9 _, 50 characters at most',
    );
  }
  const [, schema, name] = parts;
  const quoted = (tail: string) => `${schema === undefined ? '' : `"${schema}".`}"${name}${tail}"`;
  return {
    table,
    nonces: quoted(''),
    state: quoted('_state'),
    index: `"${name}_expires_at"`,
  };
}

/**
 * The timeline of a server: every promotion of a standby begins a new one, and may lack the last commits of the old one.
 */
const TIMELINE = 'left(pg_walfile_name(pg_current_wal_lsn()), 8)';

/**
 * The schema, as statements that may be run any number of times.
 *
 * @param since - seconds since 1970, as a number or an expression: what was dated up to then is refused
 */
export function schemaSql(
  { nonces, state, index }: TableNames,
  since: number | string = 'floor(extract(epoch FROM clock_timestamp()))',
): string {
  return `SELECT pg_advisory_xact_lock(hashtext('countersign nonces'));

-- One row for each (credential, nonce) pair: 128 bits that stand for it, and the second since 1970 in which it expires.
CREATE TABLE IF NOT EXISTS ${nonces} (
  id uuid PRIMARY KEY,
  expires_at bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS ${index} ON ${nonces} USING brin (expires_at) WITH (autosummarize = on);

-- One row: up to which second pairs may have been purged, and what was dated up to which second may have been lost.
CREATE TABLE IF NOT EXISTS ${state} (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  horizon bigint NOT NULL,
  since bigint NOT NULL,
  timeline text NOT NULL
);

INSERT INTO ${state} (horizon, since, timeline)
VALUES (0, ${since}, ${TIMELINE})
ON CONFLICT DO NOTHING;
`;
}

/**
 * Claims $1, which expires at $2 and was dated $3. One row: it is fresh. None: it is not, or it may not be claimed. In
 * another isolation a statement could see an older horizon than the rows it meets.
 */
export const claimSql = ({ nonces, state }: TableNames) =>
  `INSERT INTO ${nonces} (id, expires_at) SELECT $1, $2 FROM ${state} s
WHERE s.horizon < $2 AND s.since < $3 AND s.timeline = ${TIMELINE}
AND current_setting('transaction_isolation') = 'read committed'
ON CONFLICT (id) DO NOTHING`;

/** Why $1 could not be claimed: whether it is there, and the state. */
export const whySql = ({ nonces, state }: TableNames) =>
  `SELECT EXISTS (SELECT FROM ${nonces} WHERE id = $1) AS known,
s.horizon, s.since, s.timeline <> ${TIMELINE} AS moved FROM ${state} s`;

/** Notes that another timeline has begun by the second $1. */
export const timelineSql = ({ state }: TableNames) =>
  `UPDATE ${state} SET since = greatest(since, $1), timeline = ${TIMELINE}
WHERE timeline <> ${TIMELINE}`;

/** Refuses what was dated up to the second $1. */
export const lostSql = ({ state }: TableNames) => `UPDATE ${state} SET since = greatest(since, $1)`;

/** Raises the horizon to $1 seconds ago and tells it, if that is $2 seconds at least; otherwise somebody else has just done it. */
export const horizonSql = ({ state }: TableNames) =>
  `UPDATE ${state} SET horizon = floor(extract(epoch FROM clock_timestamp())) - $1
WHERE horizon <= floor(extract(epoch FROM clock_timestamp())) - $1 - $2
RETURNING horizon`;

/** The transactions that write to the table now, each by its id. */
export const writersSql = ({ nonces }: TableNames) =>
  `SELECT virtualtransaction AS id FROM pg_locks
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
AND relation = '${nonces}'::regclass
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Removes up to $1 rows that expired at $2 or before, which must be no later than a horizon that no claim may have missed. */
export const purgeSql = ({ nonces }: TableNames) =>
  `DELETE FROM ${nonces} WHERE id IN (
  SELECT id FROM ${nonces} WHERE expires_at <= $2 LIMIT $1 FOR UPDATE SKIP LOCKED
)`;

/** One row with `ready`: whether the schema is there and this server takes writes. */
export const healthSql = ({ nonces, state }: TableNames) =>
  `SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'
  AND (SELECT count(*) FROM ${state}) = 1
  AND has_table_privilege('${nonces}', 'INSERT') AS ready`;
