import type * as Sqlite from 'node:sqlite';

/**
 * SQLite as it comes with Node. An import would be refused by an older Node before anything could be said about it.
 *
 * @throws Error that says what is needed, and what to use instead
 */
export function builtInSqlite(): typeof Sqlite {
  // Typed as always there, which it is not.
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof Sqlite | undefined;
  if (sqlite === undefined) {
    throw new Error(
      `sqliteNonceStore: needs node:sqlite, which Node has from 22.13 on (this is ${process.version}); ` +
        'use redisNonceStore or postgresNonceStore instead, or memoryNonceStore for one process',
    );
  }
  return sqlite;
}

/** Whether somebody else holds the lock that a statement needed: SQLITE_BUSY, in all its forms. Nothing was written. */
export const isBusy = (error: unknown) => codeOf(error) === 5;

/** Whether there was no room: SQLITE_FULL. The connection is as good as it was. */
export const isFull = (error: unknown) => codeOf(error) === 13;

function codeOf(error: unknown): number | undefined {
  const { errcode } = error as { readonly errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}
