import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as nodeMac from '../src/mac.js';
import * as portable from '../src/mac-portable.js';

const built = new URL('../dist/', import.meta.url);

describe('the portable MAC', () => {
  it('has the functions of the one for Node', () => {
    expect(Object.keys(portable).sort()).toEqual(Object.keys(nodeMac).sort());
  });

  it('computes what node:crypto computes', () => {
    const algorithm = fc.constantFrom('HMAC-256' as const, 'HMAC-512' as const);
    const ascii = fc.string({ maxLength: 300 });
    fc.assert(
      fc.property(
        algorithm,
        fc.uint8Array({ minLength: 32, maxLength: 200 }),
        ascii,
        (name, secret, text) => {
          const expected = nodeMac.mac(nodeMac.importKey(name, secret), text);
          const key = portable.importKey(name, secret);
          expect(portable.mac(key, text)).toBe(expected);
          expect(portable.macMatches(key, text, expected)).toBe(true);
          expect(portable.macMatches(key, `${text}x`, expected)).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        expect(portable.digest('sha-256', data)).toBe(nodeMac.digest('sha-256', data));
        expect(portable.digest('sha-512', data)).toBe(nodeMac.digest('sha-512', data));
      }),
      { numRuns: 500 },
    );
    expect(portable.digest('sha-256', 'é€')).toBe(nodeMac.digest('sha-256', 'é€'));
  });

  it('is bundled without a Node built-in, and Node resolves to the other one', async () => {
    for (const file of ['index.js', 'mac-portable.js', 'index.cjs', 'mac-portable.cjs']) {
      const code = await readFile(new URL(file, built), 'utf8');
      expect(code).not.toMatch(/["'](?:node:[a-z]+|crypto|@noble\/[a-z/.]+)["']/);
    }
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    const resolve = "console.log(import.meta.resolve('#mac'), require.resolve('#mac'))";
    const code = `import { createRequire } from 'node:module'; const require = createRequire(process.cwd() + '/x.js'); ${resolve}`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', code],
      { cwd },
    );
    expect(stdout).toMatch(/dist\/mac\.js .*dist\/mac\.cjs$/m);
  });
});
