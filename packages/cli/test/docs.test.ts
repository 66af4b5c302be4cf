import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { REFUSAL_CODES } from '@countersign/core';
import { describe, expect, it } from 'vitest';
import { blocksOf, paste, ROOT } from './docs-blocks.js';

const DOCUMENTS = [
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'test-vectors/README.md'],
  ...(await readdir(join(ROOT, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const read = (file: string) => readFile(join(ROOT, file), 'utf8');

describe('README.md', () => {
  it('holds when it is pasted from top to bottom', async () => {
    const printed = [...(await paste('README.md', [8787, 3000, 8080, 9000]))];
    const outputs = printed.filter(([{ language }]) => language === 'sh').map(([, text]) => text);
    const [keygen, serve, curl, stringToSign, profiles, server, client, python, gateway, calls] =
      outputs;
    expect(outputs).toHaveLength(10);
    expect([python, gateway]).toEqual(['', '']);
    expect(calls).toMatch(/^200\n\{.*"code":"authorization_missing"\}$/m);
    expect(keygen).toBe('');
    expect(serve).toBe('');
    const shown = printed.find(([{ language }]) => language === 'json')?.[1];
    expect(JSON.parse(curl as string)).toEqual(JSON.parse(shown as string));
    expect(stringToSign).toMatch(/^HMAC-256\norders-service\nGET\n\/v1\/orders\?limit=10\ndate: /);
    expect(stringToSign).toMatch(/^curl .*--path-as-is --globoff/m);
    const called = (profiles ?? '').match(/^\{.*\}$/gm)?.map((line) => JSON.parse(line));
    expect(called).toMatchObject([
      { credential: 'orders-service', method: 'POST', target: '/v1/files' },
      { credential: 'orders-service', method: 'PUT', target: '/v1/files/captured.http' },
      { credential: 'orders-service', method: 'GET', signedHeaders: ['host'] },
    ]);
    // What verify is said to print of a captured request.
    const verified = blocksOf(await read('README.md')).find(({ text }) => /^accepted /.test(text));
    expect(verified?.text).toMatch(/^accepted orders-service\n/);
    expect(stringToSign?.endsWith(verified?.text as string)).toBe(true);
    expect(server).toBe('');
    expect(client).toMatch(/^200 orders-service asked for \/v1\/orders with 21 bytes$/m);
    expect(client).toMatch(/Authorization: '\n?.*HMAC-256 Credential=orders-service/);
  }, 120_000);

  it('names the two commands that there are', async () => {
    const commands = blocksOf(await read('README.md')).find(({ text }) =>
      text.includes('npm test'),
    );
    expect(commands?.text).toBe('npm run demo\nnpm test\n');
  });
});

describe('docs/by-hand.md', () => {
  it('signs with openssl and curl, and with the standard library of Python', async () => {
    const printed = [...(await paste('docs/by-hand.md', [8787]))];
    const outputs = printed.filter(([{ language }]) => language === 'sh').map(([, text]) => text);
    const shown = printed.find(([{ language }]) => language === 'json')?.[1];
    const [, , openssl, python] = outputs;
    expect(outputs).toHaveLength(4);
    expect(JSON.parse(openssl as string)).toEqual(JSON.parse(shown as string));
    expect(python).toMatch(
      /^200 \{"credential":"orders-service","method":"GET","target":"\/v1\/orders\/7"/,
    );
  }, 120_000);
});

describe('docs/errors.md', () => {
  it('says of each code what the table says, under the heading of its stage', async () => {
    const stages = [
      ...['limits', 'parse', 'key', 'coverage', 'signature', 'freshness'],
      ...['authorization', 'body', 'nonce', 'rate'],
    ];
    const [, ...sections] = (await read('docs/errors.md')).split(/^## /m);
    const documented = sections.flatMap((section) => {
      const [heading = '', ...entries] = section.split(/^### /m);
      return entries.map((entry) => {
        const [, code, status, title, advice] =
          /^(\w+)\n\n\*\*([0-9]+)\*\* (.*)\.\n\n(.*)\n+$/.exec(entry) ?? [];
        return {
          stage: stages.indexOf(heading.trim()) + 1,
          code,
          status: Number(status),
          title,
          advice,
        };
      });
    });
    const table = Object.entries(REFUSAL_CODES).map(([code, { stage, status, title, advice }]) => {
      return { stage, code, status, title, advice };
    });
    const byCode = (a: { code?: string | undefined }, b: { code?: string | undefined }) =>
      String(a.code).localeCompare(String(b.code));
    expect(documented.sort(byCode)).toEqual(table.sort(byCode));
    for (const stage of stages) await access(join(ROOT, `packages/server/src/stages/${stage}.ts`));
  });
});

describe.each(DOCUMENTS)('%s', (file) => {
  it('links to what is there, and names scripts that are there', async () => {
    const markdown = await read(file);
    for (const [, link = ''] of markdown.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (!/^https:/.test(link)) await access(join(ROOT, dirname(file), link));
    }
    const { scripts } = JSON.parse(await read('package.json'));
    for (const [, script = ''] of markdown.matchAll(/npm run ([a-z:]+)/g)) {
      expect(scripts).toHaveProperty([script]);
    }
    expect(markdown.length).toBeGreaterThan(200);
  });
});

describe('npm run demo', () => {
  it('shows each outcome with its code', async () => {
    const demo = join(ROOT, 'packages/cli/demo/demo.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [demo]);
    const outcomes = [...stdout.matchAll(/^[1-7]\. .* ([0-9]{3}) (\w+) +as it should be$/gm)];
    expect(outcomes.map(([, status, code]) => `${status} ${code}`)).toEqual([
      '200 accepted',
      '401 nonce_replayed',
      '401 digest_mismatch',
      '401 date_expired',
      '200 accepted',
      '200 accepted',
      '401 authorization_missing',
    ]);
  });
});
