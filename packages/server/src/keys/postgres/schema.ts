import { tableNames } from '../../nonces/postgres/schema.js';

/** The table of keys and, of the same schema and name, what belongs to it; quoted. */
export interface KeyTables {
  readonly keys: string;
  readonly used: string;
}

/**
 * The names for a table given as `name` or `schema.name`.
 *
 * @throws TypeError or RangeError that names the option `table`
 */
export function keyTables(table: unknown): KeyTables {
  const { nonces: keys } = tableNames(table);
  return { keys, used: `${keys.slice(0, -1)}_used"` };
}

/** The schema, as statements that may be run any number of times. */
export const schemaSql = ({ keys, used }: KeyTables) =>
  `SELECT pg_advisory_xact_lock(hashtext('countersign keys'));

-- One row for each key. Its entry is there to be read, not to be edited: the seal covers every byte of it.
CREATE TABLE IF NOT EXISTS ${keys} (
  credential text COLLATE "C" PRIMARY KEY,
  entry json NOT NULL,
  sealed text NOT NULL
);

-- To the minute. Whoever verifies may write here, and only here.
CREATE TABLE IF NOT EXISTS ${used} (
  credential text COLLATE "C" PRIMARY KEY REFERENCES ${keys} ON DELETE CASCADE,
  last_used timestamptz NOT NULL
);
`;

/** The key of $1: always one row, which tells what was asked, so that a reply to something else is not taken for "none". */
export const findSql = ({ keys }: KeyTables) =>
  `SELECT $1::text AS asked, k.entry::text AS entry, k.sealed
FROM (VALUES (true)) one LEFT JOIN ${keys} k ON k.credential = $1`;

/** Every key, with the milliseconds since 1970 in which it was used last. */
export const listSql = ({ keys, used }: KeyTables) =>
  `SELECT k.credential, k.entry::text AS entry, k.sealed,
(extract(epoch FROM u.last_used) * 1000)::float8 AS last_used
FROM ${keys} k LEFT JOIN ${used} u ON u.credential = k.credential ORDER BY k.credential`;

/** The key of $1, if there is one, which nobody else changes until this transaction ends. */
export const lockSql = ({ keys }: KeyTables) =>
  `SELECT entry::text AS entry, sealed FROM ${keys} WHERE credential = $1 FOR UPDATE`;

export const insertSql = ({ keys }: KeyTables) =>
  `INSERT INTO ${keys} (credential, entry, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`;

export const updateSql = ({ keys }: KeyTables) =>
  `UPDATE ${keys} SET entry = $2, sealed = $3 WHERE credential = $1`;

export const deleteSql = ({ keys }: KeyTables) => `DELETE FROM ${keys} WHERE credential = $1`;

/** Notes that the credentials $1 were used at $2, milliseconds since 1970 each. In one order, so that nobody waits in a circle. */
export const noteSql = ({ keys, used }: KeyTables) =>
  `INSERT INTO ${used} AS u (credential, last_used)
SELECT k.credential, to_timestamp(n.at / 1000)
FROM unnest($1::text[], $2::float8[]) n (credential, at) JOIN ${keys} k ON k.credential = n.credential
ORDER BY k.credential
ON CONFLICT (credential) DO UPDATE SET last_used = excluded.last_used
WHERE u.last_used < excluded.last_used`;
