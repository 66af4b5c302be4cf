import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  checkResponse,
  HeaderFields,
  parseAuthorization,
  Refusal,
  Secret,
} from '@countersign/core';
import {
  type Accepted,
  createVerifier,
  memoryNonceStore,
  type RefusalCode,
  staticKeys,
  type VerifierOptions,
} from '@countersign/server';
import { Caller, CountersignGuard, Signed } from '@countersign/server/nestjs';
import {
  headerOf,
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  TEST_KEY,
  TEST_KEY_ENTRY,
  toHttp1,
  withBody,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { All, Body, Controller, Module, RawBody } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { expectProblem, type Reply, Wire } from './wire.js';

interface Seen {
  readonly credential: string | null;
  readonly target: string | null;
  /** What the guard vouches for, and what Nest kept. */
  readonly bytes: string;
  readonly raw: string;
  readonly parsed: unknown;
}

const handled: Seen[] = [];

class Orders {
  orders(caller: Accepted | undefined, parsed: unknown, raw: Buffer | undefined): Seen {
    const bytes = Buffer.from(caller?.body ?? []).toString();
    const { identity, target = null } = caller ?? {};
    const credential = identity?.credential ?? null;
    handled.push({ credential, target, bytes, raw: String(raw ?? ''), parsed });
    return handled.at(-1) as Seen;
  }
  open(caller: Accepted | undefined, parsed: unknown, raw: Buffer | undefined): Seen {
    return this.orders(caller, parsed, raw);
  }
}
// What the decorators of a class would do.
for (const name of ['orders', 'open'] as const) {
  const { prototype } = Orders;
  const method = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
  Caller()(prototype, name, 0);
  Body()(prototype, name, 1);
  RawBody()(prototype, name, 2);
  All(name)(prototype, name, method);
  if (name === 'open') Signed({ optional: true })(prototype, name, method);
}
Controller()(Orders);

class App {}
Module({ controllers: [Orders] })(App);

const apps: NestFastifyApplication[] = [];
afterEach(async () => {
  handled.length = 0;
  for (const app of apps.splice(0)) await app.close();
});

interface RigOptions extends Partial<VerifierOptions> {
  readonly rawBody?: boolean;
  readonly bodyParsers?: readonly string[];
  readonly platform?: 'Express' | 'Fastify';
}

/** Nest behind a guard, on Fastify unless said otherwise; gives what sends a request to it. */
async function startNest({
  rawBody = true,
  bodyParsers = [],
  platform = 'Fastify',
  ...rules
}: RigOptions = {}) {
  const nonces = memoryNonceStore({ start: 'fresh' });
  const keys = staticKeys([TEST_KEY_ENTRY]);
  const verifier = createVerifier({ keys, nonces, hosts: ['api.example.com'], ...rules });
  const adapter = platform === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const options = { rawBody, logger: false } as const;
  const app = await NestFactory.create<NestFastifyApplication>(App, adapter, options);
  apps.push(app);
  for (const type of bodyParsers) app.useBodyParser(type);
  app.useGlobalGuards(new CountersignGuard(verifier));
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  const send = async (view: SignedRequestView): Promise<Reply> => {
    const wire = await Wire.open(port);
    const reply = await wire.write(toHttp1(view)).reply();
    wire.socket.destroy();
    return reply;
  };
  return { send, nonces };
}

const BODY = '{"sku": "A-1",  "qty":2}';
const order = (more: SignedRequestOptions = {}) =>
  signedRequest({
    method: 'POST',
    url: 'https://api.example.com/orders?b=2&a=%7e1',
    headers: { 'Content-Type': 'application/json' },
    body: BODY,
    now: Date.now,
    ...more,
  });

/** The problem document, whose type Fastify completes with a charset. */
function expectRefused(reply: Reply, code: RefusalCode): void {
  const type = String(reply.headers.get('content-type')).replace('; charset=utf-8', '');
  expectProblem({ ...reply, headers: new Map([...reply.headers, ['content-type', type]]) }, code);
  expect(handled).toHaveLength(0);
}

describe('NestJS on Fastify', () => {
  it('accepts, and shows the handler the bytes that were signed and what was made of them', async () => {
    const { send } = await startNest();
    const reply = await send(order());
    expect([reply.status, JSON.parse(reply.body)]).toEqual([
      200,
      {
        credential: TEST_KEY.credential,
        target: '/orders?a=~1&b=2',
        bytes: BODY,
        raw: BODY,
        parsed: { sku: 'A-1', qty: 2 },
      },
    ]);
    const chunked = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
    await send(order({ headers: chunked }));
    await send(order({ method: 'GET', headers: {}, body: null }));
    expect(handled.map(({ bytes, raw }) => [bytes, raw])).toEqual([
      [BODY, BODY],
      [BODY, BODY],
      ['', ''],
    ]);
  });

  it.each<[string, (view: SignedRequestView) => SignedRequestView, RefusalCode]>([
    ['an altered body', (view) => withBody(view, BODY.replace('2', '9')), 'digest_mismatch'],
    ['an altered query', (view) => withTarget(view, '/orders?b=3&a=~1'), 'credential_rejected'],
    ['no signature', (view) => withoutHeader(view, 'authorization'), 'authorization_missing'],
    ['no digest', (view) => withoutHeader(view, 'content-digest'), 'digest_missing'],
  ])('refuses %s, and leaves its nonce unused', async (_, alter, code) => {
    const { send, nonces } = await startNest();
    const view = order();
    expectRefused(await send(alter(view)), code);
    expect(nonces.size).toBe(0);
    expect((await send(view)).status).toBe(200);
  });

  it('refuses a replay', async () => {
    const { send } = await startNest();
    const view = order();
    expect((await send(view)).status).toBe(200);
    handled.length = 0;
    expectRefused(await send(view), 'nonce_replayed');
  });

  it('lets anybody in where a handler says so, forgers aside', async () => {
    const { send } = await startNest();
    const view = order({ url: 'https://api.example.com/open' });
    const anonymous = await send(withoutHeader(view, 'authorization'));
    expect(JSON.parse(anonymous.body)).toMatchObject({ credential: null, bytes: '', raw: BODY });
    handled.length = 0;
    expectRefused(await send(withBody(view, BODY.replace('2', '9'))), 'digest_mismatch');
    expect(JSON.parse((await send(view)).body)).toMatchObject({ credential: TEST_KEY.credential });
  });

  it('refuses every body if Nest was not told to keep the bytes', async () => {
    const { send } = await startNest({ rawBody: false });
    expectRefused(await send(order()), 'body_unavailable');
    const bodiless = order({ method: 'GET', headers: {}, body: null });
    expect((await send(bodiless)).status).toBe(200);
  });

  it('takes further types once a parser keeps their bytes', async () => {
    const text = () => order({ headers: { 'Content-Type': 'text/plain' } });
    const { send: sendPlain } = await startNest();
    expectRefused(await sendPlain(text()), 'body_unavailable');
    const { send } = await startNest({ bodyParsers: ['text/plain'] });
    expect(JSON.parse((await send(text())).body)).toMatchObject({ bytes: BODY });
    handled.length = 0;
    expectRefused(await send(withBody(text(), BODY.replace('2', '9'))), 'digest_mismatch');
  });

  it('signs its answers, refusals of a verified request included', async () => {
    const { send } = await startNest({ signResponses: true });
    const view = order();
    const claim = parseAuthorization(headerOf(view, 'authorization') ?? '');
    if (claim instanceof Refusal) throw new Error('unreadable');
    const request = { ...claim, secret: Secret.from(TEST_KEY.secret) };
    for (const status of [200, 401]) {
      const reply = await send(view);
      expect(reply.status).toBe(status);
      const fields = new HeaderFields([...reply.headers].flat());
      const response = { status, fields, body: Buffer.from(reply.body) };
      expect(checkResponse(response, request)).toBeUndefined();
      expect(checkResponse({ ...response, status: 202 }, request)).toMatchObject({
        reason: 'signature_mismatch',
      });
    }
  });
});

describe.each(['Express', 'Fastify'] as const)('NestJS on %s', (platform) => {
  it('never calls a handler for what it refuses before the guard', async () => {
    const { send, nonces } = await startNest({ platform });
    const coded = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    const replies = [
      await send(order({ body: '{"qty":' })),
      await send(order({ url: 'https://api.example.com/elsewhere' })),
      await send(order({ headers: coded, body: gzipSync(BODY) })),
      await send(order({ body: JSON.stringify('x'.repeat(2 ** 20)) })),
    ];
    expect(replies.map(({ status }) => status)).toEqual([400, 404, 400, 413]);
    expect([handled.length, nonces.size]).toEqual([0, 0]);
  });
});

it('NestJS on Express verifies bytes that no parser reads', async () => {
  const { send } = await startNest({ platform: 'Express' });
  const octets = () => order({ headers: { 'Content-Type': 'application/octet-stream' } });
  expect((await send(octets())).status).toBe(200);
  expect(handled.splice(0)).toMatchObject([{ bytes: BODY }]);
  expectRefused(await send(withBody(octets(), BODY.replace('2', '9'))), 'digest_mismatch');
});
