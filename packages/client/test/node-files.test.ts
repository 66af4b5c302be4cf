import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { createSigner } from '@countersign/client';
import { fileBody, secretEnv, secretFile } from '@countersign/client/node';
import { TEST_KEY } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { make, noncesOf, pieces, signingProxy, WHOLE } from './node-setup.js';
import { type Echo, startEcho } from './servers.js';

const signing = signingProxy();
let directory: string;
let path: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-node-'));
  path = join(directory, 'file');
});
beforeEach(() => writeFileSync(path, WHOLE));
afterAll(() => rmSync(directory, { recursive: true }));

describe('fileBody', () => {
  it('sends a file, on every attempt', async () => {
    const body = await fileBody(pathToFileURL(path), { type: 'a/b' });
    expect(body).toMatchObject({ length: WHOLE.length, type: 'a/b' });
    const server = await startEcho();
    const response = await make(server.origin)(server.origin, { method: 'PUT', body });
    const echo = JSON.parse(await text(response)) as Echo;
    expect([echo.contentType, Buffer.from(echo.body, 'base64').equals(WHOLE)]).toEqual([
      'a/b',
      true,
    ]);
    signing.proxy.faults.push({ resetBefore: true });
    const told: unknown[] = [];
    const options = { retries: 1, onClockCorrected: (event: unknown) => told.push(event) };
    const call = make(signing.proxy.origin, options, { now: () => Date.now() - 3_600_000 });
    const { length: _, ...chunked } = body;
    for (const each of [body, chunked]) {
      const answer = await text(await call(signing.proxy.origin, { method: 'PUT', body: each }));
      expect(JSON.parse(answer)).toMatchObject({ bodyBytes: WHOLE.length });
    }
    expect([told.length, signing.sent().length]).toEqual([1, 4]);
    writeFileSync(path, '');
    const empty = await fileBody(path);
    expect(empty.length).toBe(0);
    const answer = await text(await call(signing.proxy.origin, { method: 'PUT', body: empty }));
    expect(JSON.parse(answer)).toMatchObject({ bodyBytes: 0 });
  });

  it.each<[string, Uint8Array | string]>([
    ['another content', Buffer.from(WHOLE).fill(7, 0, 1)],
    ['a shorter one', WHOLE.subarray(1)],
    ['a longer one', Buffer.concat([WHOLE, WHOLE])],
    ['none', ''],
  ])('that has %s by now fails, and nobody accepts what was sent', async (_, content) => {
    const body = await fileBody(path);
    writeFileSync(path, content);
    const server = await startEcho();
    const call = make(server.origin, { retries: 2 });
    await expect(call(server.origin, { method: 'PUT', body })).rejects.toThrow(
      /^fileBody: .* changed after it was hashed/,
    );
    expect(server.seen.length).toBeLessThan(2);
    expect(server.seen.every(({ caller }) => caller === undefined)).toBe(true);
  });

  it('fails for what is not there', async () => {
    await expect(fileBody(join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(fileBody(path, { type: 1 as never })).rejects.toThrow('type: ');
    const body = await fileBody(path);
    rmSync(path);
    const { origin } = await startEcho();
    const attempt = make(origin, { retries: 2 })(origin, { method: 'PUT', body });
    await expect(attempt).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('secrets', () => {
  const OLD = `csk_${'A'.repeat(43)}`;
  const put = (content: string) => writeFileSync(path, content);

  it('are read from a file again when they were rotated', async () => {
    put(`\n${OLD}\n`);
    const server = await startEcho();
    const call = make(server.origin, {}, { secret: secretFile(path) });
    expect((await call(server.origin)).statusCode).toBe(401);
    put(` ${TEST_KEY.secret}\r\n`);
    server.seen.length = 0;
    const response = await call(server.origin, { method: 'PUT', body: Readable.from(pieces()) });
    const echo = JSON.parse(await text(response)) as Echo;
    expect(Buffer.from(echo.body, 'base64').equals(WHOLE)).toBe(true);
    expect([server.seen.length, new Set(noncesOf(server)).size]).toEqual([2, 2]);
  });

  it('are read from the environment', async () => {
    process.env.NODE_TEST_SECRET = OLD;
    const secret = secretEnv('NODE_TEST_SECRET');
    const signer = createSigner({ ...TEST_KEY, secret });
    await signer.ready();
    expect(await signer.reload()).toBe(false);
    process.env.NODE_TEST_SECRET = `${TEST_KEY.secret}\n`;
    expect(await signer.reload()).toBe(true);
    process.env.NODE_TEST_SECRET = 'hunter2';
    await expect(signer.reload()).rejects.toThrow(
      /^secretEnv: NODE_TEST_SECRET does not hold a secret \("csk_…"\)$/,
    );
    delete process.env.NODE_TEST_SECRET;
    await expect(signer.reload()).rejects.toThrow('secretEnv: NODE_TEST_SECRET is not set');
  });

  it('that are none are refused, and never repeated', async () => {
    for (const content of ['hunter2', '', 'csk_hunter2', `${OLD} ${OLD}`, `${OLD.slice(0, -1)}B`]) {
      put(content);
      const signer = createSigner({ ...TEST_KEY, secret: secretFile(pathToFileURL(path)) });
      const error = await signer.ready().then(() => undefined, String);
      expect(error).toMatch(/^TypeError: secret/);
      expect(error).not.toMatch(/hunter2|AAAA/);
    }
    const missing = createSigner({ ...TEST_KEY, secret: secretFile(join(directory, 'none')) });
    await expect(missing.ready()).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => secretFile(7 as never)).toThrow('secretFile: ');
    expect(() => secretEnv('')).toThrow('secretEnv: ');
  });
});
