import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClockCorrected,
  createSigner,
  RefusedError,
  ResponseFaultError,
  type Signer,
} from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Call, ClientOptions, ClientUnderTest } from './clients/client-under-test.js';
import { CLIENTS } from './clients/index.js';
import { startServe } from './countersign-serve.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { startListener } from './servers.js';

/** What `countersign serve` says it verified. */
interface Echo {
  readonly method: string;
  readonly target: string;
  readonly bodyBytes: number;
}

let signing: FaultProxy; // in front of a server that signs its responses
let plain: FaultProxy; // and of one that does not
beforeAll(async () => {
  const ports: number[] = [];
  signing = await startFaultProxy(() => ports[0] as number, 'afterAll');
  plain = await startFaultProxy(() => ports[1] as number, 'afterAll');
  signing.keepAlive = plain.keepAlive = false;
  ports.push(await startServe(signing.host, '--sign-responses'), await startServe(plain.host));
});
beforeEach(() => Promise.all([signing.clear(), plain.clear()]));

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('latin1');
const noncesOf = ({ requests }: FaultProxy) =>
  text(Buffer.concat(requests)).match(/(?<=^x-nonce: )\S+/gim) ?? [];
const redirectTo = (location: string, status = 307) => ({
  alter: () =>
    Buffer.from(
      `HTTP/1.1 ${status} Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    ),
});
const signerAhead = (seconds: number): Signer =>
  createSigner({ ...TEST_KEY, now: () => Date.now() + seconds * 1000 });

describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s', (_, client) => {
  const make = (proxy: FaultProxy, options: Partial<ClientOptions> = {}, signer?: Signer) => {
    const call = client.make(signer ?? createSigner(TEST_KEY), {
      origins: [proxy.origin],
      ...options,
    });
    return (path: string, more?: Call) => call(proxy.origin + path, more);
  };
  const json = { 'Content-Type': 'application/json' };
  const order: Call = { method: 'PUT', headers: json, body: '{"qty":2}' };

  describe('signs', () => {
    it.each<[string, Call, number]>([
      ['GET', {}, 0],
      ['DELETE', { method: 'DELETE' }, 0],
      ['POST without a body', { method: 'POST' }, 0],
      ['POST with text', { method: 'POST', headers: json, body: '{"qty":2}' }, 9],
      ['PUT with bytes', { method: 'PUT', headers: json, body: new Uint8Array(70_000) }, 70_000],
    ])('%s', async (_, call, bodyBytes) => {
      const answer = await make(plain)('/v1/orders?b=2&a=%7E1', call);
      expect(answer.status).toBe(200);
      const { method = 'GET' } = call;
      expect(JSON.parse(answer.body)).toMatchObject({ method, bodyBytes } satisfies Partial<Echo>);
    });

    it('and what is captured is refused when it is sent again', async () => {
      expect((await make(plain)('/once')).status).toBe(200);
      const socket = connect({ port: Number(plain.host.split(':')[1]), host: '127.0.0.1' });
      socket.write(plain.requests[0] as Buffer);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(text(answer)).toMatch(/^HTTP\/1\.1 401 .*nonce_replayed/s);
    });

    it('and what the network duplicates is applied once', async () => {
      plain.faults.push({ duplicated: true });
      expect((await make(plain)('/', order)).status).toBe(200);
      expect(plain.duplicates).toEqual([
        expect.stringMatching(/^HTTP\/1\.1 401 .*nonce_replayed/s),
      ]);
    });

    it('and tells of a refusal as its users expect', async () => {
      const wrong = createSigner({ ...TEST_KEY, secret: new Uint8Array(32) });
      const answer = make(plain, {}, wrong)('/').catch((error: unknown) => error);
      if (client.throwsRefusals) {
        expect(await answer).toBeInstanceOf(RefusedError);
        expect(await answer).toMatchObject({ code: 'credential_rejected', status: 401 });
      } else {
        expect(await answer).toMatchObject({
          status: 401,
          body: expect.stringContaining('"credential_rejected"'),
        });
      }
    });

    it('and sends nothing to another origin', async () => {
      const { origin, connections } = await startListener();
      const call = client.make(createSigner(TEST_KEY), { origins: [plain.origin] });
      await expect(call(`${origin}/`)).rejects.toThrow(origin);
      expect(connections()).toBe(0);
    });
  });

  describe('retries anew', () => {
    it.each([
      ['before the request was applied', { resetBefore: true }],
      ['after the request was applied', { resetAfter: true }],
    ] as const)('when the connection is reset %s', async (_, fault) => {
      plain.faults.push(fault);
      const call = make(plain, client.retries ? { retries: 2 } : {});
      if (!client.retries) await expect(call('/', order)).rejects.toThrow();
      const answer = await call('/', order);
      expect([answer.status, JSON.parse(answer.body).bodyBytes]).toEqual([200, 9]);
      const nonces = noncesOf(plain);
      expect([nonces.length, new Set(nonces).size]).toEqual([2, 2]);
    });

    it('on connections that are kept alive', async () => {
      plain.keepAlive = true;
      const call = make(plain, client.retries ? { retries: 2 } : {});
      const answers = [];
      for (let i = 0; i < 10; i++) answers.push(await call('/', order));
      answers.push(...(await Promise.all(Array.from({ length: 20 }, () => call('/', order)))));
      expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
      expect(new Set(noncesOf(plain)).size).toBe(30);
      plain.keepAlive = false;
      await plain.clear();
      await sleep(100); // until no pool has one of them
    });
  });

  describe('redirects safely', () => {
    it('signing the next request anew', async () => {
      plain.faults.push(redirectTo('/moved?a=1'));
      const answer = await make(plain)('/', order);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({ target: '/moved?a=1', bodyBytes: 9 });
      expect(new Set(noncesOf(plain)).size).toBe(2);
    });

    it('without the body where the method becomes GET', async () => {
      plain.faults.push(redirectTo('/done', 303));
      const answer = await make(plain)('/', { ...order, method: 'POST' });
      expect(JSON.parse(answer.body)).toMatchObject({
        method: 'GET',
        target: '/done',
        bodyBytes: 0,
      });
    });

    it('and not to another origin, which gets nothing', async () => {
      const { origin, connections } = await startListener();
      plain.faults.push(redirectTo(`${origin}/steal`));
      await expect(make(plain)('/', order)).rejects.toThrow(origin);
      expect(connections()).toBe(0);
    });
  });

  describe('streams', () => {
    async function* pieces() {
      for (let i = 0; i < 50; i++) yield new Uint8Array(1_000).fill(i);
    }

    it('a body that comes in pieces, whole on every attempt', async () => {
      plain.faults.push(redirectTo('/again'));
      const answer = await make(plain)('/', { method: 'PUT', body: pieces() });
      expect(JSON.parse(answer.body)).toMatchObject({ target: '/again', bodyBytes: 50_000 });
    });
  });

  describe('verifies responses', () => {
    const strict = { requireSignedResponse: true };
    const altering = (from: string | RegExp, to: string) => ({
      alter: (answer: Buffer) => Buffer.from(text(answer).replace(from, to), 'latin1'),
    });
    const fault = (reason: string) =>
      expect.objectContaining({ name: 'ResponseFaultError', reason });

    it('and hands out those that hold', async () => {
      const answer = await make(signing, strict)('/', order);
      expect([answer.status, JSON.parse(answer.body).bodyBytes]).toEqual([200, 9]);
      expect((await make(signing, strict)('/', { method: 'HEAD' })).status).toBe(200);
    });

    it.each([
      ['a body that was altered', altering('"bodyBytes":9', '"bodyBytes":8'), 'digest_mismatch'],
      ['a status that was altered', altering('200 OK', '201 OK'), 'signature_mismatch'],
      ['a type that was altered', altering('application/json', 'text/plain'), 'signature_mismatch'],
      [
        'a signature that was taken away',
        altering('Authentication-Info', 'X-Info'),
        'info_missing',
      ],
      [
        'a body that was cut short',
        altering(/Content-Length: \d+(.*\r\n\r\n.{10}).*/s, 'Content-Length: 10$1'),
        'digest_mismatch',
      ],
    ])('and rejects %s', async (_, alter, reason) => {
      signing.faults.push(alter);
      await expect(make(signing, strict)('/', order)).rejects.toEqual(fault(reason));
    });

    it('and rejects the answer to another request', async () => {
      let other: Buffer | undefined;
      const swapped = (answer: Buffer) => {
        other ??= answer;
        return other;
      };
      signing.faults.push({ alter: swapped }, { alter: swapped });
      const call = make(signing, strict);
      expect((await call('/', order)).status).toBe(200);
      await expect(call('/', order)).rejects.toEqual(fault('signature_mismatch'));
    });

    it('and rejects those of a server that signs none, and those that are too long', async () => {
      await expect(make(plain, strict)('/')).rejects.toBeInstanceOf(ResponseFaultError);
      const short = make(signing, { ...strict, maxResponseBytes: 20 });
      await expect(short('/')).rejects.toEqual(fault('response_too_large'));
    });
  });

  describe('corrects its clock', () => {
    it.each([-3_600, 86_400])('when it is off by %i s', async (seconds) => {
      const told: ClockCorrected[] = [];
      const onClockCorrected = (event: ClockCorrected) => told.push(event);
      const call = make(signing, { onClockCorrected }, signerAhead(seconds));
      expect((await call('/', order)).status).toBe(200);
      expect(told).toEqual([{ origin: signing.origin, offset: expect.any(Number) }]);
      expect(Math.abs((told[0] as ClockCorrected).offset + seconds)).toBeLessThan(3);
      expect(noncesOf(signing).length).toBe(2);
      expect((await call('/')).status).toBe(200);
      expect([noncesOf(signing).length, told.length]).toEqual([3, 1]);
    });

    it('never by an answer that is not signed, or not the one it was', async () => {
      const told: ClockCorrected[] = [];
      const options = { onClockCorrected: (event: ClockCorrected) => told.push(event) };
      const ended = (answer: Promise<unknown>) => answer.then(String, String);
      await ended(make(plain, options, signerAhead(-3_600))('/'));
      signing.faults.push({
        alter: (answer) =>
          Buffer.from(
            text(answer).replace(/Date: .*/, 'Date: Wed, 01 Jan 2020 12:00:30 GMT'),
            'latin1',
          ),
      });
      await ended(make(signing, options, signerAhead(-3_600))('/'));
      expect([noncesOf(plain).length, noncesOf(signing).length, told]).toEqual([1, 1, []]);
      const off = make(signing, { ...options, correctClock: false }, signerAhead(-3_600));
      await ended(off('/'));
      expect([noncesOf(signing).length, told]).toEqual([2, []]);
    });

    it('and keeps nothing of a correction that was not accepted', async () => {
      const told: ClockCorrected[] = [];
      const options = { onClockCorrected: (event: ClockCorrected) => told.push(event) };
      const call = make(signing, options, signerAhead(-3_600));
      const altered = {
        // The second answer does not arrive as it was signed.
        alter: (answer: Buffer) => Buffer.from(text(answer).replace('200 OK', '201 OK'), 'latin1'),
      };
      signing.faults.push(altered, altered);
      await call('/').catch(() => {});
      expect(told).toEqual([]);
    });
  });
});

describe('the table of README.md', () => {
  const markdown = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const [header = [], , ...rows] = markdown
    .slice(markdown.indexOf('\n## Clients\n'))
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(0, 8)
    .map((line) => line.slice(2, -2).split(' | '));

  it('has the columns that are tested here', () => {
    expect(header.slice(2, -1)).toEqual([
      ...['signs', 'retries anew', 'redirects safely', 'streams'],
      ...['verifies responses', 'corrects its clock'],
    ]);
  });

  it('has the clients that are tested here, and what they do', () => {
    const told = rows.map(([name = '', , ...cells]) => [/`(\w+)`/.exec(name)?.[1], ...cells]);
    const tested = CLIENTS.map(({ name, retries, throwsRefusals }) => [
      name.split(/\W/)[0],
      ...['yes', retries ? 'yes' : 'each call', 'yes', 'yes', 'yes', 'yes'],
      throwsRefusals ? 'is thrown' : 'is a response',
    ]);
    const once = tested.filter(([name], i) => tested.findIndex(([each]) => each === name) === i);
    expect(told).toEqual(once);
  });
});

// Once is enough: all clients share what decides this.
describe('an answer that took more than 10 s', () => {
  it('corrects no clock', { timeout: 20_000 }, async () => {
    const { make } = CLIENTS[0] as ClientUnderTest;
    const told: ClockCorrected[] = [];
    const onClockCorrected = (event: ClockCorrected) => told.push(event);
    const call = make(signerAhead(-3_600), { origins: [signing.origin], onClockCorrected });
    signing.faults.push({ delay: 10_050 });
    expect((await call(`${signing.origin}/`)).status).toBe(401);
    expect([told, noncesOf(signing).length]).toEqual([[], 1]);
  });
});
