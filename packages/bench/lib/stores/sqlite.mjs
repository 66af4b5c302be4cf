import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MODULE = '@countersign/server/nonces/sqlite';
const LIFE = 660; // s

let keys = 0;

export const sqliteOf = () => ({
  what: 'INSERT … ON CONFLICT DO NOTHING',
  async missing() {
    if (process.getBuiltinModule?.('node:sqlite') === undefined) {
      return 'node:sqlite is not there: Node.js 22.13 or later has it';
    }
    return import(MODULE).then(
      () => undefined,
      ({ code, message }) =>
        code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' || code === 'ERR_MODULE_NOT_FOUND'
          ? `${MODULE} is not there`
          : message,
    );
  },
  async open(_url, { purge: _, ...options }) {
    const { sqliteNonceStore } = await import(MODULE);
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
    const stores = [1, 2].map(() =>
      sqliteNonceStore({ file: join(directory, 'nonces.db'), ...options }),
    );
    const database = new DatabaseSync(join(directory, 'bare.db'));
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    database.exec('CREATE TABLE bare (id BLOB PRIMARY KEY, expires_at INTEGER) WITHOUT ROWID');
    const insert = database.prepare('INSERT INTO bare VALUES (?, ?) ON CONFLICT DO NOTHING');
    return {
      stores,
      bareKey: () => Buffer.from(`${keys++}`.padStart(16, '0')),
      bare(key) {
        const { changes } = insert.run(key, Math.floor(Date.now() / 1000) + LIFE);
        if (changes !== 1) throw new Error('sqlite: the row was there');
      },
      close() {
        for (const store of stores) store.close?.();
        database.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
});
