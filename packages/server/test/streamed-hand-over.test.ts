import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  staticKeys,
  type VerificationEvent,
} from '@countersign/server';
import { protect } from '@countersign/server/node';
import { signedRequest, TEST_KEY_ENTRY, toHttp1, Wire } from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';

const HOST = 'api.example.com';
const keys = staticKeys([TEST_KEY_ENTRY]);
const slow: KeyStore = {
  find: (...claim) => sleep(20).then(() => keys.find(...claim)),
};

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A streamed route of a server that signs its answers; gives what was told of each request, and how often it was handed on. */
async function startRig(keys: KeyStore) {
  const told: string[] = [];
  let handled = 0;
  const verifier = createVerifier({
    ...{ keys, nonces: memoryNonceStore({ start: 'fresh' }), hosts: [HOST], signResponses: true },
    onEvent: ({ type, code }: VerificationEvent) => told.push(code ?? type),
  });
  const server = createServer(
    protect(verifier.route({ body: 'stream', maxBodyBytes: 10 }), async (request, response) => {
      handled++;
      response.end(await text(request).catch((error) => error.code));
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  const send = async (body: string, end = '0\r\n\r\n') => {
    const headers = { 'Transfer-Encoding': 'chunked' };
    const url = `https://${HOST}/v1/orders`;
    const view = signedRequest({ method: 'POST', url, headers, body, now: Date.now });
    const wire = await Wire.open(port);
    closers.push(() => wire.socket.destroy());
    const bytes = Buffer.from(toHttp1(view));
    return wire.write(bytes.subarray(0, -5)).write(end).reply();
  };
  return { told, send, handled: () => handled };
}

describe.each([
  ['at once', keys],
  ['late', slow],
] as const)('a streamed body that came with its head, where the key is found %s', (_, store) => {
  it.each([
    ['whole', undefined],
    ['in part', ''],
  ])('is refused like any other if it is too long: told, and signed: %s', async (_, end) => {
    const { told, send, handled } = await startRig(store);
    const { status, headers, body } = await send('two of A-1, and one of B-2', end);
    expect([status, JSON.parse(body).code]).toEqual([413, 'body_too_large']);
    expect(headers.get('authentication-info')).toMatch(/Signature=/);
    expect([told, handled()]).toEqual([['body_too_large'], 0]);
  });

  it('is handed on if it holds', async () => {
    const { told, send, handled } = await startRig(store);
    const { status, body } = await send('two of A-1');
    expect([status, body, told, handled()]).toEqual([200, 'two of A-1', ['accepted'], 1]);
  });
});
