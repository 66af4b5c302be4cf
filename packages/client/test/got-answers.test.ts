import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createSigner, ResponseFaultError } from '@countersign/client';
import { type SignedGotOptions, signedGot } from '@countersign/client/got';
import { TEST_KEY } from '@countersign/testkit';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GOT_VERSIONS } from './clients/got.js';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { type Echo, startEcho, startListener, startServer } from './servers.js';

let signing: FaultProxy; // in front of a server that signs its responses
beforeAll(async () => {
  const ports: number[] = [];
  signing = await startFaultProxy(() => ports[0] as number, 'afterAll');
  ports.push(await startServe(signing.host, '--sign-responses'));
});
beforeEach(() => signing.clear());

const signer = createSigner(TEST_KEY);
const noncesOf = ({ requests }: FaultProxy) =>
  Buffer.concat(requests)
    .toString('latin1')
    .match(/(?<=^x-nonce: )\S+/gim) ?? [];
const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe.each(GOT_VERSIONS)('%s', (_, version) => {
  const over = (origin: string, options: Partial<SignedGotOptions> = {}) =>
    version.extend(signedGot(signer, { origins: [origin], ...options }));
  const strict = { requireSignedResponse: true };

  describe('streams', () => {
    it('are signed with what is written to them, whole', async () => {
      const { origin } = await startEcho();
      for (const [make, expected] of [
        [() => Readable.from(['a', 'b']).pipe(over(origin).stream.post(origin)), 'ab'],
        [() => over(origin).stream.put(origin, { body: 'c' }), 'c'],
        [() => over(origin).stream.post(origin, { json: 1 }), '1'],
        [() => over(origin).stream(origin), ''],
        [() => over(origin).stream.post(origin, { body: Readable.from(['d']) }), 'd'],
      ] as const) {
        const stream = make();
        const echo = JSON.parse(await text(stream.pipe(new PassThrough()))) as Echo;
        expect(echo.body).toBe(btoa(expected));
      }
    });

    it('are refused where more is written than is held', async () => {
      const { origin, connections } = await startListener();
      const stream = over(origin, { maxBodyBytes: 10 }).stream.post(origin);
      stream.end('12345678901');
      await expect(text(stream)).rejects.toThrow(/^body: more than 10 bytes/);
      await expect(text(over(origin).stream('https://api.example.com/'))).rejects.toThrow(
        /^origins: /,
      );
      expect(connections()).toBe(0);
    });

    it('give nothing of an answer before it was checked', async () => {
      signing.faults.push({
        alter: (answer) => Buffer.from(answer.toString('latin1').replace('"target"', '"tarjet"')),
      });
      const stream = over(signing.origin, strict).stream(signing.origin);
      let given = '';
      stream.on('data', (piece) => {
        given += piece;
      });
      const error = await caught(new Promise((_, reject) => stream.once('error', reject)));
      expect(error).toBeInstanceOf(ResponseFaultError);
      expect(given).toBe('');
      await signing.clear();
      const whole = await text(over(signing.origin, strict).stream(signing.origin));
      expect(JSON.parse(whole)).toMatchObject({ target: '/' });
    });
  });

  describe('attempts', () => {
    it('load a secret anew where it was changed', async () => {
      const secrets = [new Uint8Array(32), TEST_KEY.secret];
      const rotating = createSigner({ ...TEST_KEY, secret: () => secrets.shift() as string });
      const options = signedGot(rotating, { origins: [signing.origin] });
      const echo = await version.extend(options).post(signing.origin, { json: 1 }).json();
      expect(echo).toMatchObject({ bodyBytes: 1 });
      expect(new Set(noncesOf(signing)).size).toBe(2);
    });

    it('after a fault of ours there is none', async () => {
      const retry = { limit: 3, methods: ['PUT' as const], backoffLimit: 1 };
      const { origin, seen } = await startEcho();
      const attempt = over(origin, strict).put(origin, { body: 'x', retry });
      await expect(attempt).rejects.toMatchObject({ reason: 'info_missing', status: 200 });
      expect(seen.length).toBe(1);
      const sealed = createSigner({
        ...TEST_KEY,
        secret: () => Promise.reject(new Error('sealed')),
      });
      const options = signedGot(sealed, { origins: [origin] });
      await expect(version.extend(options).put(origin, { retry })).rejects.toThrow('sealed');
    });

    it('a redirect is believed only if it is signed, where answers have to be', async () => {
      signing.faults.push({
        alter: () =>
          Buffer.from('HTTP/1.1 307 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n'),
      });
      const attempt = over(signing.origin, strict)(signing.origin);
      await expect(attempt).rejects.toMatchObject({ reason: 'info_missing', status: 307 });
      expect(noncesOf(signing).length).toBe(1);
    });

    it('redirects are those of got, each signed', async () => {
      const end = await startEcho();
      const start = await startServer((response) =>
        response.writeHead(308, { Location: `${end.origin}/end` }).end(),
      );
      const origins = [start.origin, end.origin];
      const api = over(start.origin, { origins });
      const response = await api(start.origin, { headers: { cookie: 'a=1' } });
      expect(response.redirectUrls.map(String)).toEqual([`${end.origin}/end`]);
      expect([start.seen[0]?.headers.cookie, end.seen[0]?.headers.cookie]).toEqual([
        'a=1',
        undefined,
      ]);
      const none = await api(start.origin, { followRedirect: false });
      expect(none.statusCode).toBe(308);
      await expect(api(start.origin, { maxRedirects: 0 })).rejects.toThrow(/Redirected 0 times/);
    });
  });
});
