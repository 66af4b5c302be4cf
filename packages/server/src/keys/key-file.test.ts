import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Secret } from '@countersign/core';
import { keyFile } from '@countersign/server';
import { keyStoreContract, TEST_KEY } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const { secret } = TEST_KEY;
const mac = Secret.from(secret).sign('HMAC-256', 'text');
let directory: string;
let files = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-keys-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(content: unknown, name = `${files++}.json`): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const fileOf = (value: unknown) =>
  write({ keys: [{ credential: 'a', secrets: [{ secret: value }] }] });

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Whatever is printed of it, the secret is not in it.
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret.slice(4, 24));
    return error.message;
  }
  throw new Error('nothing was thrown');
}

describe('the contract of key stores', () => {
  // JSON has no undefined and no bytes, so these are the keys that can be written down.
  for (const { name, run } of keyStoreContract({ create: (keys) => keyFile(write({ keys })) }))
    it(name, run);
});

describe('keyFile', () => {
  it('reads all that a key can have', async () => {
    const path = write({
      keys: [
        {
          credential: 'orders-service',
          algorithm: 'HMAC-512',
          status: 'disabled',
          group: 'partners',
          secrets: [
            { id: 'old', secret, notAfter: '2026-11-01T00:00:00Z' },
            { id: 'new', secret, notBefore: '2026-10-01T00:00:00+02:00' },
          ],
        },
        { credential: 'plain', secrets: [{ secret }] },
      ],
    });
    const store = keyFile(path);
    expect(await store.find('orders-service')).toMatchObject({
      credential: 'orders-service',
      algorithm: 'HMAC-512',
      status: 'disabled',
      group: 'partners',
      secrets: [
        { id: 'old', notAfter: Date.UTC(2026, 10, 1) },
        { id: 'new', notBefore: Date.UTC(2026, 8, 30, 22) },
      ],
    });
    expect(await store.find('plain')).toMatchObject({ algorithm: 'HMAC-256', status: 'active' });
  });

  it('an empty list of keys knows nobody', () => {
    expect(keyFile(write({ keys: [] })).find('a')).toBeUndefined();
  });

  it('env:NAME is looked up in what was given, and nowhere else', async () => {
    const path = fileOf('env:ORDERS_SECRET');
    const store = keyFile(path, { env: { ORDERS_SECRET: secret } });
    expect((await store.find('a'))?.secrets[0]?.secret.verify('HMAC-256', 'text', mac)).toBe(true);
    process.env.ORDERS_SECRET = secret;
    try {
      expect(messageOf(() => keyFile(path))).toBe(
        `${path}: keys[0].secrets[0].secret: ORDERS_SECRET is not set in the environment`,
      );
    } finally {
      delete process.env.ORDERS_SECRET;
    }
  });

  it.each(['', 'missing', 'toString', '__proto__', 'EMPTY'])('env:%s is not set', (name) => {
    const path = fileOf(`env:${name}`);
    expect(messageOf(() => keyFile(path, { env: { EMPTY: '' } }))).toMatch(
      /keys\[0\]\.secrets\[0\]\.secret: .*is not set/,
    );
  });

  it('file:PATH is relative to the key file, and may end in a line feed', async () => {
    write(`${secret}\n`, 'orders.secret');
    for (const path of ['orders.secret', './orders.secret', join(directory, 'orders.secret')]) {
      const record = await keyFile(fileOf(`file:${path}`)).find('a');
      expect(record?.secrets[0]?.secret.verify('HMAC-256', 'text', mac)).toBe(true);
    }
  });

  it.each([
    ['absent.secret', /cannot read .*absent\.secret \(ENOENT\)$/],
    ['.', /cannot read .* \(EISDIR\)$/],
  ])('file:%s cannot be read', (path, message) => {
    const at = 'keys[0].secrets[0].secret: ';
    const text = messageOf(() => keyFile(fileOf(`file:${path}`)));
    expect(text).toContain(at);
    expect(text).toMatch(message);
  });

  it.each([
    ['env', 'password'],
    ['env', secret.slice(4)],
    ['env', `${secret} `],
    ['file', ''],
    ['file', `${secret.slice(4)}\n`],
    ['file', `${secret}\n${secret}\n`],
    ['file', 'csk_AAAA'],
  ])('a secret in %s that is none: %j', (kind, content) => {
    const path = kind === 'env' ? fileOf('env:BAD') : fileOf('file:bad.secret');
    write(content, 'bad.secret');
    const message = messageOf(() => keyFile(path, { env: { BAD: content } }));
    expect(message.startsWith(`${path}: keys[0].secrets[0].secret: `)).toBe(true);
  });

  it.each([
    ['[]', '(file): '],
    ['null', '(file): '],
    ['"keys"', '(file): '],
    ['{}', 'keys: '],
    ['{"keys":{}}', 'keys: '],
    ['{"keys":[],"version":1}', '(file).version: '],
    ['{"__proto__":{"keys":[]}}', '(file).__proto__: '],
    ['{"keys":[{"credential":"a","secrets":[{"secret":7}]}]}', 'keys[0].secrets[0].secret: '],
    ['{"keys":[{"credential":"a","secrets":[{"secret":"ENV:A"}]}]}', 'keys[0].secrets[0].secret: '],
    [
      `{"keys":[{"credential":"a","secrets":[{"secret":"${secret}"},{"secret":"${secret}","notAfter":"never"}]}]}`,
      'keys[0].secrets[1].notAfter: ',
    ],
    [
      `{"keys":[{"credential":"a","secrets":[{"secret":"${secret}","notafter":"x"}]}]}`,
      'keys[0].secrets[0].notafter: ',
    ],
  ])('%s is refused by file and path', (content, at) => {
    const path = write(content);
    expect(messageOf(() => keyFile(path)).slice(0, path.length + 2 + at.length)).toBe(
      `${path}: ${at}`,
    );
  });

  it.each([
    ['', `{"keys":[{"credential":"a","secrets":[{"secret":"${secret}"`],
    [
      'an excerpt that ends in the secret',
      `{"keys":[{"credential":"a","secrets":[{"secret":${secret}`,
    ],
    ['an excerpt around the secret', `{"secret" "${secret}"}`],
    ['nothing but the secret', secret],
    ['a secret without quotes', `{"a": ${secret}}`],
    ['a comma too many', `["${secret}",]`],
    ['a byte order mark', `\ufeff{"keys":[]}`],
    ['words of the engine within', `{"a": "${secret}" at position 7 (line 1 column 8) ${secret}}`],
  ])('broken JSON never shows its text: %s', (_, content) => {
    const path = write(content);
    expect(messageOf(() => keyFile(path))).toMatch(
      /: not valid JSON(?: at position [0-9]+(?: \(line [0-9]+ column [0-9]+\))?)?$/,
    );
  });

  it('a file that is not there, or cannot be read', () => {
    expect(messageOf(() => keyFile(join(directory, 'absent.json')))).toMatch(
      /^ENOENT: .*absent\.json/,
    );
    expect(messageOf(() => keyFile(directory))).toMatch(/^EISDIR/);
    const path = write({ keys: [] });
    chmodSync(path, 0o000);
    if (process.getuid?.() === 0) expect(keyFile(path).find('a')).toBeUndefined();
    else expect(messageOf(() => keyFile(path))).toMatch(/^EACCES/);
  });
});
