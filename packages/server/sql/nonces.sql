-- What nonceSchema() of @countersign/server/nonces/postgres gives. It may be run any number of times:
-- psql --single-transaction --file nonces.sql
SELECT pg_advisory_xact_lock(hashtext('countersign nonces'));

-- One row for each (credential, nonce) pair: 128 bits that stand for it, and the second since 1970 in which it expires.
CREATE TABLE IF NOT EXISTS "countersign_nonces" (
  id uuid PRIMARY KEY,
  expires_at bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS "countersign_nonces_expires_at" ON "countersign_nonces" USING brin (expires_at) WITH (autosummarize = on);

-- One row: up to which second pairs may have been purged, and what was dated up to which second may have been lost.
CREATE TABLE IF NOT EXISTS "countersign_nonces_state" (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  horizon bigint NOT NULL,
  since bigint NOT NULL,
  timeline text NOT NULL
);

INSERT INTO "countersign_nonces_state" (horizon, since, timeline)
VALUES (0, floor(extract(epoch FROM clock_timestamp())), left(pg_walfile_name(pg_current_wal_lsn()), 8))
ON CONFLICT DO NOTHING;
