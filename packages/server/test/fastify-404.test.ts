import type { AddressInfo } from 'node:net';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { countersign } from '@countersign/server/fastify';
import {
  type SignedRequestView,
  signedRequest,
  TEST_KEY_ENTRY,
  toHttp1,
  withAuthorization,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { expectProblem, type Reply, Wire } from './wire.js';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

/** A service with the route GET /orders, and a handler of its own for paths without a route if told so. */
async function startFastify({ ownNotFound = false } = {}) {
  const called: string[] = [];
  const nonces = memoryNonceStore({ start: 'fresh' });
  const keys = staticKeys([TEST_KEY_ENTRY]);
  const verifier = createVerifier({ keys, nonces, hosts: ['api.example.com'] });
  const app = fastify();
  apps.push(app);
  await app.register(countersign, { verifier });
  app.get('/orders', async () => called.push('orders'));
  app.get('/orders/:id', async () => called.push('order'));
  if (ownNotFound) {
    app.setNotFoundHandler(async ({ caller }, reply) => {
      called.push('not found');
      return reply.code(404).send({ credential: caller?.identity.credential });
    });
  }
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const send = async (view: SignedRequestView): Promise<Reply> => {
    const wire = await Wire.open(port);
    const reply = await wire.write(toHttp1(view)).reply();
    wire.socket.destroy();
    return reply;
  };
  return { send, called, nonces };
}

const BODY = { headers: { 'Content-Type': 'application/json' }, body: '{"qty":2}' };
const signed = (method: string, path: string, more: object = {}) =>
  signedRequest({ method, url: `https://api.example.com${path}`, now: Date.now, ...more });

describe.each([
  ['of Fastify', false],
  ['of its own', true],
])('a Fastify service with a 404 %s', (_, ownNotFound) => {
  it.each([
    ['a path without a route', 'GET', '/nowhere'],
    ['a method without a route', 'DELETE', '/orders'],
    ['a route', 'GET', '/orders'],
  ])('tells strangers nothing of %s', async (_, method, path) => {
    const { send, called, nonces } = await startFastify({ ownNotFound });
    const view = signed(method, path);
    expectProblem(await send(withoutHeader(view, 'authorization')), 'authorization_missing');
    const forged = withAuthorization(view, { credential: 'nobody' });
    expectProblem(await send(forged), 'credential_rejected');
    expectProblem(await send(withTarget(view, `${path}?all=1`)), 'credential_rejected');
    expect([called, nonces.size]).toEqual([[], 0]);
  });

  it('tells callers what is not there, once for each signature', async () => {
    const { send, called } = await startFastify({ ownNotFound });
    for (const view of [signed('GET', '/nowhere'), signed('POST', '/nowhere', BODY)]) {
      const reply = await send(view);
      expect([reply.status, JSON.parse(reply.body)]).toMatchObject([
        404,
        ownNotFound ? { credential: TEST_KEY_ENTRY.credential } : { error: 'Not Found' },
      ]);
      expectProblem(await send(view), 'nonce_replayed');
    }
    expect(called).toEqual(ownNotFound ? ['not found', 'not found'] : []);
    expect((await send(signed('GET', '/orders'))).status).toBe(200);
  });
});

it('Fastify itself answers what its router cannot read, and calls no handler', async () => {
  const { send, called } = await startFastify({ ownNotFound: true });
  const stranger = (path: string) =>
    send({ method: 'GET', target: path, headers: ['Host', 'api.example.com'] });
  const undecodable = await stranger('/orders/%zz');
  const overlong = await stranger(`/orders/${'a'.repeat(200)}`);
  expect([undecodable.status, overlong.status]).toEqual([400, 414]);
  expectProblem(await stranger(`/nowhere/${'a'.repeat(200)}`), 'authorization_missing');
  expect(called).toEqual([]);
});
