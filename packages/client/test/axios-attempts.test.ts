import type { IncomingMessage } from 'node:http';
import { createSigner, ResponseFaultError } from '@countersign/client';
import { type SignedAxiosOptions, signedAxios } from '@countersign/client/axios';
import { TEST_KEY } from '@countersign/testkit';
import axios from 'axios';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { retryingAxios } from './clients/axios.js';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { startListener, startServer } from './servers.js';

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

describe.each(['http', 'fetch'] as const)('axios over its %s adapter', (inner) => {
  const over = (origins: readonly string[], options: Partial<SignedAxiosOptions> = {}) =>
    axios.create({ adapter: signedAxios(signer, { origins, ...options }, inner) });
  const strict = { requireSignedResponse: true };

  describe('retries', () => {
    it.each<[string, () => unknown]>([
      ['an object', () => ({ a: 1 })],
      ['a stream', () => new Blob(['x'.repeat(1_000)]).stream()],
      ['a form', () => Object.assign(new FormData(), {})],
    ])('send %s whole again, each with a nonce of its own', async (_, body) => {
      signing.faults.push({ resetBefore: true }, { resetAfter: true });
      const api = retryingAxios(signer, { origins: [signing.origin], retries: 2 }, inner);
      const data = body();
      if (data instanceof FormData) data.append('a', 'b'.repeat(1_000));
      const { data: echo } = await api.post(signing.origin, data);
      expect(echo.bodyBytes).toBeGreaterThan(data instanceof Object && !('a' in data) ? 999 : 6);
      expect([noncesOf(signing).length, new Set(noncesOf(signing)).size]).toEqual([3, 3]);
    });

    it('end where they were told to', async () => {
      signing.faults.push({ resetBefore: true }, { resetBefore: true }, { resetBefore: true });
      const api = retryingAxios(signer, { origins: [signing.origin], retries: 1 }, inner);
      await expect(api.get(signing.origin)).rejects.toMatchObject({ isAxiosError: true });
      expect(noncesOf(signing).length).toBe(2);
    });

    it('are made of refusals that pass, and of no faults', async () => {
      let [asked, problem] = [0, { code: 'nonce_store_unavailable', status: 503 }];
      const { origin } = await startServer((response) => {
        if (++asked > 1) return response.end('done');
        response.writeHead(503, { 'Content-Type': 'application/problem+json' });
        const type = `urn:countersign:refusal:${problem.code}`;
        return response.end(JSON.stringify({ type, ...problem }));
      });
      const api = retryingAxios(signer, { origins: [origin], retries: 1 }, inner);
      expect((await api.get(origin)).data).toBe('done');
      problem = { ...problem, code: 'x' };
      const checked = retryingAxios(signer, { origins: [origin], retries: 3, ...strict }, inner);
      await expect(checked.get(origin)).rejects.toBeInstanceOf(ResponseFaultError);
      expect(asked).toBe(3);
    });

    it('load a secret anew where it was changed', async () => {
      const secrets = [new Uint8Array(32), TEST_KEY.secret];
      const rotating = createSigner({ ...TEST_KEY, secret: () => secrets.shift() as string });
      const adapter = signedAxios(rotating, { origins: [signing.origin] }, inner);
      const { data } = await axios.create({ adapter }).post(signing.origin, { a: 1 });
      expect([data.bodyBytes, noncesOf(signing).length]).toEqual([7, 2]);
    });
  });

  describe('redirects', () => {
    const startRedirector = (status: number, location: string) =>
      startServer((response, { target }, request: IncomingMessage) => {
        if (target === '/end') response.end(`${request.method} ${request.headers.cookie ?? ''}`);
        else response.writeHead(status, { Location: location }).end('moved');
      });

    it('are followed as often as is said, by the request first', async () => {
      const { origin, seen } = await startRedirector(307, '/again');
      const code = 'ERR_FR_TOO_MANY_REDIRECTS';
      await expect(over([origin], { maxRedirects: 2 }).get(origin)).rejects.toMatchObject({ code });
      expect(seen.length).toBe(3);
      const once = over([origin]).get(origin, { maxRedirects: 1 });
      await expect(once).rejects.toMatchObject({ code });
      expect([seen.length, new Set(seen.map(({ nonce }) => nonce)).size]).toEqual([5, 5]);
    });

    it('are handed back where none are to be followed', async () => {
      const { origin } = await startRedirector(302, '/end');
      const none = over([origin]).get(origin, { maxRedirects: 0 });
      await expect(none).rejects.toMatchObject({ status: 302, code: 'ERR_BAD_RESPONSE' });
      const taken = { maxRedirects: 0, validateStatus: null };
      const { headers } = await over([origin]).get(origin, taken);
      expect(headers.location).toBe('/end');
    });

    it.each([
      [303, 'POST', 'GET'],
      [302, 'POST', 'GET'],
      [308, 'PUT', 'PUT'],
    ])('of %i make of %s a %s', async (status, method, expected) => {
      const { origin, seen } = await startRedirector(status, '/end');
      const { data } = await over([origin]).request({ url: origin, method, data: { a: 1 } });
      expect(data).toBe(`${expected} `);
      const type = seen[1]?.headers['content-type'];
      expect(type).toBe(expected === 'GET' ? undefined : 'application/json');
    });

    it('take nothing that is for one origin to another, and nothing at all to a stranger', async () => {
      const end = await startRedirector(307, '/end');
      const start = await startRedirector(307, `${end.origin}/end`);
      const headers = { Cookie: 'a=1', 'Proxy-Authorization': 'Basic eDp5' };
      const { data } = await over([start.origin, end.origin]).get(start.origin, { headers });
      expect(data).toBe('GET ');
      const sent = [start, end].map(({ seen }) => seen[0]?.headers['proxy-authorization']);
      expect(sent).toEqual(['Basic eDp5', undefined]);
      const stranger = await startListener();
      const steal = await startRedirector(307, stranger.origin);
      await expect(over([steal.origin]).post(steal.origin, 'x')).rejects.toThrow(stranger.origin);
      expect(stranger.connections()).toBe(0);
    });

    it('are believed only if they are signed, where answers have to be', async () => {
      signing.faults.push({
        alter: () =>
          Buffer.from('HTTP/1.1 307 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n'),
      });
      const attempt = over([signing.origin], strict).get(signing.origin);
      await expect(attempt).rejects.toMatchObject({ reason: 'info_missing', status: 307 });
      expect(noncesOf(signing).length).toBe(1);
    });
  });
});
