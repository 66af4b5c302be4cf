import { onConnection, type PostgresPool } from '../../nonces/postgres/pool.js';
import { knownOptions } from '../../options.js';
import { keyTables, schemaSql } from './schema.js';

export const TABLE = 'countersign_keys';

/** What {@link migrateKeys} may be told. */
export interface MigrateKeysOptions {
  /** `name` or `schema.name`; `countersign_keys` unless said otherwise. The schema must exist. */
  readonly table?: string | undefined;
}

/**
 * The schema of a store as SQL, for whoever migrates with tools of his own. It may be run any number of times.
 *
 * @param table - `name` or `schema.name`
 * @throws TypeError or RangeError if it is neither
 * @example writeFileSync('migrations/0008-keys.sql', keySchema());
 */
export function keySchema(table: string = TABLE): string {
  return schemaSql(keyTables(table));
}

/**
 * Makes what a store needs, or leaves it as it is. Needs the right to create tables.
 *
 * @throws TypeError or RangeError that names the option; the error of the server
 * @example await migrateKeys(pool);
 */
export async function migrateKeys(
  pool: PostgresPool,
  options: MigrateKeysOptions = {},
): Promise<void> {
  knownOptions(options, ['table']);
  const text = keySchema(options.table);
  await onConnection(pool, async (client) => {
    await client.query({ text });
  });
}
