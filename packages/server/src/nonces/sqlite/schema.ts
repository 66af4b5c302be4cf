import type { DatabaseSync } from 'node:sqlite';

// "CsgN", by which a database is known for one of ours.
const APPLICATION = 0x4373674e;
const VERSION = 1;

const SCHEMA = `
-- One row for each (credential, nonce) pair: 128 bits that stand for it, and the second since 1970 in which it expires.
CREATE TABLE nonces (
  id BLOB PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX nonces_expires_at ON nonces (expires_at);

-- One row: up to which second pairs may have been purged, what was dated up to which second may have been lost, and which
-- run of the machine has written last.
CREATE TABLE state (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  horizon INTEGER NOT NULL,
  since INTEGER NOT NULL,
  boot TEXT NOT NULL
) STRICT;

PRAGMA application_id = ${APPLICATION};
PRAGMA user_version = ${VERSION};
`;

/** What a database is told when it is opened. */
export interface Opening {
  /** Whole seconds since 1970: what is dated up to then is refused if nonces may have been lost. */
  readonly second: number;
  /** Of this run of the machine. */
  readonly boot: string;
  /** Whether nonces may have been lost, apart from what the database itself can tell. */
  readonly lost: boolean;
}

/**
 * Whether a database is one of ours; false if it is empty.
 *
 * @throws Error if it is something else, or newer than this
 */
export function isOurs(database: DatabaseSync): boolean {
  const number = (pragma: string) => {
    const row = database.prepare(`PRAGMA ${pragma}`).get();
    return Number(row?.[pragma]);
  };
  const version = number('user_version');
  if (number('application_id') === APPLICATION) {
    if (version === VERSION) return true;
    throw new Error(`its schema has version ${version}; this store knows version ${VERSION} only`);
  }
  const row = database.prepare('SELECT count(*) AS things FROM sqlite_schema').get();
  if (row?.things === 0 && version === 0) return false;
  throw new Error('it is a database of something else');
}

/** Makes what is missing, and notes what may have been lost. In a transaction. */
export function prepareSchema(database: DatabaseSync, { second, boot, lost }: Opening): void {
  if (!isOurs(database)) {
    database.exec(SCHEMA);
    database.prepare('INSERT INTO state VALUES (1, 0, ?, ?)').run(second, boot);
    return;
  }
  const note = database.prepare(
    'UPDATE state SET since = CASE WHEN ? OR boot <> ? THEN max(since, ?) ELSE since END, boot = ?',
  );
  const { changes } = note.run(lost ? 1 : 0, boot, second, boot);
  if (changes !== 1) throw new Error('its state is gone');
}

/** Up to where nothing may be claimed. */
export const STATE = 'SELECT horizon, since FROM state';

export const CLAIM =
  'INSERT INTO nonces (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING';

export const KNOWN = 'SELECT 1 AS known FROM nonces WHERE id = ?';

export const FORGET = 'DELETE FROM nonces WHERE id = ?';

/** The latest of the first $2 that expire up to $1. */
export const BOUND = `SELECT max(expires_at) AS bound FROM (
  SELECT expires_at FROM nonces WHERE expires_at <= ? ORDER BY expires_at LIMIT ?
)`;

export const RAISE = 'UPDATE state SET horizon = max(horizon, ?)';

export const PURGE = `DELETE FROM nonces WHERE id IN (
  SELECT id FROM nonces WHERE expires_at <= ? ORDER BY expires_at LIMIT ?
)`;
