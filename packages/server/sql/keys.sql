-- What keySchema() of @countersign/server/keys/postgres gives. It may be run any number of times:
-- psql --single-transaction --file keys.sql
SELECT pg_advisory_xact_lock(hashtext('countersign keys'));

-- One row for each key. Its entry is there to be read, not to be edited: the seal covers every byte of it.
CREATE TABLE IF NOT EXISTS "countersign_keys" (
  credential text COLLATE "C" PRIMARY KEY,
  entry json NOT NULL,
  sealed text NOT NULL
);

-- To the minute. Whoever verifies may write here, and only here.
CREATE TABLE IF NOT EXISTS "countersign_keys_used" (
  credential text COLLATE "C" PRIMARY KEY REFERENCES "countersign_keys" ON DELETE CASCADE,
  last_used timestamptz NOT NULL
);
