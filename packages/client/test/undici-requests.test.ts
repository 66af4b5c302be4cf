import { Readable } from 'node:stream';
import { createSigner, type DigestedBody } from '@countersign/client';
import type { SignedDispatcherOptions } from '@countersign/client/undici';
import { TEST_KEY } from '@countersign/testkit';
import type * as Undici from 'undici';
import { describe, expect, it } from 'vitest';
import { startEcho, startListener } from './servers.js';
import { bytesOf, digested, eachUndici, WHOLE } from './undici-setup.js';

eachUndici('what is sent by signedDispatcher', (kit) => {
  const { make, ask, echoed } = kit;

  describe('bodies', () => {
    const form = (Class: typeof FormData) => {
      const data = new Class();
      data.append('a', 'ä');
      data.append('file', new Blob([WHOLE]), 'f.bin');
      return data;
    };
    async function* pieces() {
      for (let at = 0; at < WHOLE.length; at += 999) yield WHOLE.subarray(at, at + 999);
    }
    function* syncPieces() {
      yield WHOLE.subarray(0, 7);
      yield WHOLE.subarray(7);
    }
    const typed = async () => ({ ...(await digested(pieces)), type: 'a/b' });
    it.each<[string, () => unknown, (string | null)?]>([
      ['a Buffer', () => WHOLE],
      ['a string', () => WHOLE.toString('base64')],
      ['an ArrayBuffer', () => Uint8Array.from(WHOLE).buffer],
      ['a view', () => new Uint16Array(Uint8Array.from(WHOLE).buffer)],
      ['a Readable', () => Readable.from(pieces())],
      ['an async generator', pieces],
      ['a generator', syncPieces],
      ['a list', () => [...syncPieces()]],
      ['a ReadableStream', () => new Blob([WHOLE]).stream()],
      ['a Blob', () => new Blob([WHOLE], { type: 'a/b' }), 'a/b'],
      [
        'URLSearchParams',
        () => new URLSearchParams({ a: 'ä' }),
        'application/x-www-form-urlencoded;charset=UTF-8',
      ],
      [
        'a form of the platform',
        () => form(FormData),
        expect.stringMatching(/^multipart\/form-data; /),
      ],
      [
        'a form of undici',
        () => form(kit.undici.FormData as typeof FormData),
        expect.stringMatching(/^multipart\/form-data; /),
      ],
      ['a digested body', typed, 'a/b'],
      ['one of known length', async () => ({ ...(await typed()), length: WHOLE.length }), 'a/b'],
      ['nothing', () => ''],
    ])('%s', async (kind, body, contentType = null) => {
      const server = await startEcho();
      const given = await body();
      const dispatcher = make(server.origin);
      const echo = await echoed(server.origin, { dispatcher, method: 'PUT', body: given });
      expect(echo.contentType).toEqual(contentType);
      const got = bytesOf(echo);
      if (typeof given === 'string') expect(got.toString()).toBe(given);
      else if (given instanceof URLSearchParams) expect(got.toString()).toBe('a=%C3%A4');
      else if (kind.includes('form')) expect(got.includes(WHOLE) && got.includes('ä')).toBe(true);
      else expect(got).toEqual(WHOLE);
      const isChunked = server.seen[0]?.headers['transfer-encoding'] === 'chunked';
      expect(isChunked).toBe(kind === 'a digested body');
    });

    it('that are too long, or none at all, fail before anything is sent', async () => {
      const { origin, connections } = await startListener();
      const dispatcher = make(origin, { maxBodyBytes: 1_000 });
      const broken = Readable.from(pieces());
      for (const [body, reason] of [
        [broken, /^body: more than 1000 bytes/],
        [new Blob([WHOLE]), /^body: more than 1000 bytes/],
        [form(kit.undici.FormData as typeof FormData), /^body: more than 1000 bytes/],
        [{ a: 1 }, /^body: expected/],
        [Readable.from([{}]), /^body: expected a stream of bytes/],
      ] as const) {
        await expect(ask(origin, { dispatcher, method: 'PUT', body })).rejects.toThrow(reason);
      }
      expect([broken.destroyed, connections()]).toEqual([true, 0]);
    });

    it('that fail while they are sent are not tried again', async () => {
      let opened = 0;
      const failing = (fault: () => AsyncIterable<Uint8Array>, length?: number) => ({
        digest: 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
        length,
        open() {
          opened++;
          return fault();
        },
      });
      const faults: [DigestedBody, RegExp][] = [
        [
          failing(() => {
            throw new Error('gone');
          }),
          /^gone$/,
        ],
        [
          failing(async function* () {
            yield WHOLE;
            throw new Error('half');
          }),
          /^half$/,
        ],
        [failing(pieces, 49_999), /^body: expected 49999 bytes \(length\)/],
        [failing(pieces, 50_001), /^body: expected 50001 bytes \(length\)/],
      ];
      const dispatcher = make(kit.proxy.origin, { retry: { minTimeout: 1 } });
      for (const [body, reason] of faults) {
        const attempt = ask(kit.proxy.origin, { dispatcher, method: 'PUT', body });
        await expect(attempt).rejects.toThrow(reason);
      }
      expect(opened).toBe(4);
    });
  });

  describe('refuses', () => {
    it('what would leave the origins, before anything is sent', async () => {
      const { origin, connections } = await startListener();
      const dispatcher = make('https://api.example.com', { retry: {} });
      for (const method of ['GET', 'POST'] as const) {
        await expect(ask(origin, { dispatcher, method })).rejects.toThrow(
          `origins: ${origin} is not among them`,
        );
      }
      await expect(kit.undici.fetch(origin, { dispatcher })).rejects.toThrow(
        expect.objectContaining({
          cause: expect.objectContaining({ message: expect.stringContaining(origin) }),
        }),
      );
      const missing = { path: '/', method: 'GET' } as Undici.Dispatcher.RequestOptions;
      await expect(dispatcher.request(missing)).rejects.toThrow(/^origin: give it/);
      const other = { ...missing, origin, path: 'http://api.example.com/' };
      await expect(make(origin).request(other)).rejects.toThrow(/^path: expected/);
      await expect(kit.undici.connect(origin, { dispatcher: make(origin) })).rejects.toThrow(
        'method: CONNECT cannot be signed',
      );
      expect(connections()).toBe(0);
    });

    it.each<[unknown, RegExp]>([
      [{ Authorization: 'x' }, /^headers: authorization is set by the signer/],
      [['date', 'x'], /^headers: date is set by the signer/],
      [{ 'Content-Type': ['a/b', 'c/d'] }, /^headers: content-type is given more than once/],
      [{ Host: 'evil.example' }, /^headers: host differs/],
      [{ 'X-A': {} }, /^headers: "X-A" has a value/],
      [['X-A'], /^headers: expected a value after every name/],
      ['X-A: 1', /^headers: expected an object/],
    ])('the header fields %j', async (headers, reason) => {
      const { origin, connections } = await startListener();
      const attempt = ask(origin, { dispatcher: make(origin, { retry: {} }), headers });
      await expect(attempt).rejects.toThrow(reason);
      expect(connections()).toBe(0);
    });

    it.each<[unknown, string]>([
      [{ origins: [] }, 'origins: '],
      [{ retry: true }, 'retry: '],
      [{ redirect: true }, 'redirect: '],
      [{ redirect: { maxRedirections: -1 } }, 'redirect: '],
      [{ maxBodyBytes: -1 }, 'maxBodyBytes: '],
      [{ requireSignedResponse: 1 }, 'requireSignedResponse: '],
    ])('the options %j', (options, reason) => {
      expect(() =>
        make('https://api.example.com', options as Partial<SignedDispatcherOptions>),
      ).toThrow(reason);
      expect(() =>
        kit.signedDispatcher({} as never, createSigner(TEST_KEY), { origins: [] }),
      ).toThrow('dispatcher: ');
      expect(() =>
        kit.signedDispatcher(new kit.undici.Agent(), {} as never, { origins: [] }),
      ).toThrow('signer: ');
    });
  });
});
