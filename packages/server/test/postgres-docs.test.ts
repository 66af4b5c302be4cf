import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newKeyEncryptionKey } from '@countersign/server/keys/postgres';
import { startPostgres } from '@countersign/test-servers';
import { expect, it } from 'vitest';

/** The block of a document that sets up a store on PostgreSQL, but patient: machines that run tests are busy. */
function setUpOf(document: string): string {
  const text = readFileSync(new URL(`../../../docs/${document}`, import.meta.url), 'utf8');
  const [code = ''] = /(?<=^```js\n)import pg .*?(?=^```$)/ms.exec(text) ?? [];
  expect(code).toContain('new pg.Pool(');
  return code.replace('connectionTimeoutMillis: 250', 'connectionTimeoutMillis: 5_000');
}

it.each(['stores.md', 'keys-database.md'])(
  'what docs/%s sets up outlives a restart of PostgreSQL',
  async (document) => {
    const server = await startPostgres();
    const code = `${setUpOf(document)}
      process.stdin.once('data', () => process.exit(0));
      console.log('it is set up');`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      // Where the packages that it imports are found.
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: {
        ...{ PGHOST: '127.0.0.1', PGPORT: `${server.port}`, PGUSER: 'postgres' },
        ...{ PGDATABASE: 'postgres', KEY_ENCRYPTION_KEY: newKeyEncryptionKey() },
      },
    });
    try {
      const ended = once(child, 'exit');
      const said = once(createInterface(child.stdout), 'line');
      expect(await Promise.race([said, ended])).toEqual(['it is set up']);
      await server.stop();
      await server.start();
      child.stdin.on('error', () => {}); // it has ended
      child.stdin.write('end');
      expect(await ended).toEqual([0, null]);
    } finally {
      child.kill();
      await server.close();
    }
  },
);
