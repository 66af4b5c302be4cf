import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Sqlite from 'node:sqlite';
import {
  type SqliteNonceStore,
  type SqliteNonceStoreOptions,
  sqliteNonceStore,
} from '@countersign/server/nonces/sqlite';
import { expect, it } from 'vitest';

const sqlite = process.getBuiltinModule('node:sqlite') as typeof Sqlite | undefined;

/** Defines tests that need the SQLite of Node; where there is none, the one of what is said then. */
export function withSqlite(define: () => void): void {
  if (sqlite !== undefined) {
    define();
    return;
  }
  it('says which Node it needs, and what to use instead', () => {
    const make = () => sqliteNonceStore({ file: join(tmpdir(), 'never-made.db') });
    expect(make).toThrow(
      /^sqliteNonceStore: needs node:sqlite, .* from 22\.13 on \(this is v20\..*redisNonceStore/,
    );
  });
}

let folder: string | undefined;
let count = 0;
const opened: { close(): void }[] = [];

/** A path in a folder that goes with the tests. */
export function newFile(): string {
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'countersign-sqlite-'));
    mkdirSync(join(folder, 'data'));
  }
  return join(folder, 'data', `nonces-${count++}.db`);
}

/** Closes what a test has opened, and removes all files. */
export function closeOpened(): void {
  for (const each of opened.splice(0)) each.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}

/** A store on a file of its own, with no purge but that which is asked for. */
export function storeOn(
  options: Partial<SqliteNonceStoreOptions> = {},
): SqliteNonceStore & { readonly file: string } {
  const { file = newFile() } = options;
  const store = sqliteNonceStore({
    file,
    start: 'fresh',
    purge: false,
    deadline: 5_000,
    ...options,
  });
  opened.push(store);
  return Object.assign(store, { file });
}

/** A connection as another program would have it. */
export function connectionTo(file: string): Sqlite.DatabaseSync {
  if (sqlite === undefined) throw new Error('no SQLite');
  const database = new sqlite.DatabaseSync(file);
  opened.push({ close: () => database.isOpen && database.close() });
  return database;
}
