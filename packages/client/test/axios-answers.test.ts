import type { Readable } from 'node:stream';
import { createSigner, RefusedError } from '@countersign/client';
import { type SignedAxiosOptions, signedAxios } from '@countersign/client/axios';
import { TEST_KEY } from '@countersign/testkit';
import axios, { AxiosError, type ResponseType } from 'axios';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { startEcho, startServer } from './servers.js';

let signing: FaultProxy; // in front of a server that signs its responses
beforeAll(async () => {
  const ports: number[] = [];
  signing = await startFaultProxy(() => ports[0] as number, 'afterAll');
  ports.push(await startServe(signing.host, '--sign-responses'));
});
beforeEach(() => signing.clear());

const signer = createSigner(TEST_KEY);
const stranger = createSigner({ ...TEST_KEY, secret: new Uint8Array(32) });
const noncesOf = ({ requests }: FaultProxy) =>
  Buffer.concat(requests)
    .toString('latin1')
    .match(/(?<=^x-nonce: )\S+/gim) ?? [];

async function read(data: unknown): Promise<string> {
  if (typeof data === 'string') return data;
  if (data instanceof Blob) return data.text();
  if (data instanceof Uint8Array || data instanceof ArrayBuffer)
    return Buffer.from(data as never).toString();
  if (typeof (data as Readable).pipe === 'function' || data instanceof ReadableStream) {
    const pieces = [];
    for await (const piece of data as AsyncIterable<Uint8Array>) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }
  return JSON.stringify(data);
}

describe.each(['http', 'fetch'] as const)('axios over its %s adapter', (inner) => {
  const over = (origins: readonly string[], options: Partial<SignedAxiosOptions> = {}) =>
    axios.create({ adapter: signedAxios(signer, { origins, ...options }, inner) });
  const strict = { requireSignedResponse: true };
  const types: ResponseType[] = ['json', 'text', 'arraybuffer', 'stream'];

  describe('hands out', () => {
    it.each([...types, undefined])(
      '%s in the form that was asked for, also when it was checked',
      async (responseType) => {
        const plain = axios.create({ adapter: inner });
        const echo = await startServer((response) =>
          response.setHeader('Content-Type', 'application/json').end('{"a":"é"}'),
        );
        const given = responseType === undefined ? {} : { responseType };
        const { data: loose } = await over([echo.origin]).get(echo.origin, given);
        expect(await read(loose)).toBe('{"a":"é"}'); // at once: a fetch drops what nobody reads
        const { data: checked } = await over([signing.origin], strict).get(signing.origin, given);
        const { data: own } = await plain.get(signing.origin, { ...given, validateStatus: null });
        expect(Object.prototype.toString.call(checked)).toBe(Object.prototype.toString.call(own));
        expect(Buffer.isBuffer(checked)).toBe(Buffer.isBuffer(own));
        expect(JSON.parse(await read(checked))).toMatchObject({ target: '/', bodyBytes: 0 });
        await read(own);
      },
    );

    it('no form that cannot be made of bytes that were checked', async () => {
      const attempt = over([signing.origin], strict).get(signing.origin, {
        responseType: 'document',
      });
      await expect(attempt).rejects.toThrow(/^responseType: "document"/);
      expect(noncesOf(signing)).toEqual([]);
    });

    it('text in the encoding that was asked for', async () => {
      const config = { responseType: 'text', responseEncoding: 'base64' } as const;
      const { data } = await over([signing.origin], strict).get(signing.origin, config);
      const text = inner === 'http' ? Buffer.from(data, 'base64').toString() : data;
      expect(JSON.parse(text)).toMatchObject({ target: '/' });
    });
  });

  describe('refusals', () => {
    it.each([...types, undefined])(
      'reject with what axios says as the cause, for %s',
      async (responseType) => {
        const { origin } = await startEcho();
        const api = axios.create({
          adapter: signedAxios(stranger, { origins: [origin] }, inner),
          ...(responseType === undefined ? {} : { responseType }),
        });
        const error = await api.get(origin).catch((error: unknown) => error);
        expect(error).toBeInstanceOf(RefusedError);
        const { cause, code, response, config } = error as RefusedError & AxiosError;
        expect(code).toBe('credential_rejected');
        expect((error as RefusedError).stringToSign.client).toMatch(
          /^HMAC-256\norders-service\nGET\n/,
        );
        expect(cause).toBeInstanceOf(AxiosError);
        expect((cause as AxiosError).response).toBe(response);
        expect(response?.status).toBe(401);
        expect(config?.url).toBe(origin);
        expect(JSON.parse(await read(response?.data))).toMatchObject({
          code: 'credential_rejected',
        });
      },
    );

    it('are responses where validateStatus wants them', async () => {
      const { origin } = await startEcho();
      const api = axios.create({ adapter: signedAxios(stranger, { origins: [origin] }, inner) });
      for (const validateStatus of [() => true, null]) {
        const { status, data } = await api.get(origin, { validateStatus });
        expect([status, data.code]).toEqual([401, 'credential_rejected']);
      }
    });

    it('of another status and of the application are told apart', async () => {
      const { origin } = await startServer((response, { target }) => {
        response.writeHead(403, { 'Content-Type': 'application/problem+json' });
        const type =
          target === '/ours' ? 'urn:countersign:refusal:permission_denied' : 'about:blank';
        response.end(JSON.stringify({ type, code: 'permission_denied', status: 403 }));
      });
      const api = over([origin]);
      for (const responseType of types) {
        await expect(api.get(`${origin}/ours`, { responseType })).rejects.toMatchObject({
          name: 'RefusedError',
          code: 'permission_denied',
        });
        await expect(api.get(`${origin}/other`, { responseType })).rejects.toMatchObject({
          name: 'AxiosError',
          code: 'ERR_BAD_REQUEST',
          status: 403,
        });
      }
    });

    it('and faults leave the request as the application made it', async () => {
      const { origin } = await startEcho();
      const api = axios.create({ adapter: signedAxios(stranger, { origins: [origin] }, inner) });
      const params = { a: 1 };
      const refused = await api.get('/x', { baseURL: origin, params }).catch((error) => error);
      signing.faults.push({ resetBefore: true });
      const broken = await over([signing.origin])
        .get('/x', { baseURL: signing.origin, params })
        .catch((error) => error);
      const answered = await over([origin]).get('/x', { baseURL: origin, params });
      for (const { config } of [refused, refused.cause, broken, answered]) {
        expect(config).toMatchObject({ url: '/x', params });
        expect(config.headers.has('authorization')).toBe(false);
        expect(config.validateStatus(401)).toBe(false);
      }
    });
  });

  describe('answers that have to be signed', () => {
    it('end with the timeout and the signal, though they have begun', async () => {
      const half = {
        alter: (answer: Buffer) => answer.subarray(0, answer.indexOf('\r\n\r\n') + 10),
      };
      signing.faults.push(half, half);
      const api = over([signing.origin], strict);
      const late = api.get(signing.origin, { timeout: 200 });
      await expect(late).rejects.toThrow('timeout of 200ms exceeded');
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 200);
      const aborted = api.get(signing.origin, { signal: controller.signal });
      await expect(aborted).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    });

    it('that end early are faults of the network, which axios tells', async () => {
      const { origin } = await startServer((response) => {
        response.writeHead(200, { 'Content-Length': 100 }).write('x');
        setTimeout(() => response.destroy(), 20);
      });
      const error = await over([origin], strict)
        .get(origin)
        .catch((error: unknown) => error);
      expect(error).toMatchObject({ isAxiosError: true });
    });

    it('are asked for as they are, unless the application asks otherwise', async () => {
      const api = over([signing.origin], strict);
      await api.get(signing.origin);
      await api.get(signing.origin, { headers: { 'accept-encoding': 'br' } });
      const sent = Buffer.concat(signing.requests).toString('latin1');
      expect(sent.match(/(?<=^accept-encoding: )\S+/gim)).toEqual(['identity', 'br']);
    });
  });
});
