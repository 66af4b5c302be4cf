import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  type NonceStore,
  staticKeys,
} from '@countersign/server';
import { expect, it } from 'vitest';

const hosts = ['api.example.com'];
const well = memoryNonceStore();
const keysWith = (health: unknown): KeyStore => ({ find: () => undefined, health }) as KeyStore;
const noncesWith = (health: unknown): NonceStore =>
  ({ skew: 300, claim: () => 'fresh', health }) as NonceStore;

it('holds where both stores answer, or have no health to tell', async () => {
  for (const health of [undefined, () => {}, async () => {}]) {
    const verifier = createVerifier({ keys: keysWith(health), nonces: noncesWith(health), hosts });
    const expected = { ok: true, keys: { status: 'ok' }, nonces: { status: 'ok' } };
    expect(await verifier.health()).toEqual(expected);
    expect(await verifier.route({ optional: true }).health()).toEqual(expected);
  }
});

const ERROR = new Error('connection lost');
it.each([
  ['rejects', () => Promise.reject(ERROR), ERROR],
  [
    'throws',
    () => {
      throw ERROR;
    },
    ERROR,
  ],
  ['rejects with nothing', () => Promise.reject(undefined), undefined],
  ['hangs', () => new Promise(() => {}), new Error('no answer within 20 ms')],
  ['is no function', 'well', expect.any(TypeError)],
])('fails where a store %s', async (_, health, error) => {
  const options = { hosts, storeTimeout: 20 };
  const failed = { status: 'failed', error };
  const ofKeys = createVerifier({ ...options, keys: keysWith(health), nonces: well });
  expect(await ofKeys.health()).toEqual({ ok: false, keys: failed, nonces: { status: 'ok' } });
  const ofNonces = createVerifier({ ...options, keys: staticKeys([]), nonces: noncesWith(health) });
  expect(await ofNonces.health()).toEqual({ ok: false, keys: { status: 'ok' }, nonces: failed });
});

it('asks the stores once for all who ask at one time, and anew for those who ask later', async () => {
  let asked = 0;
  const keys = keysWith(() => {
    asked++;
    return asked === 1 ? Promise.reject(ERROR) : Promise.resolve();
  });
  const verifier = createVerifier({ keys, nonces: well, hosts });
  const server = createServer(async (_, response) => {
    response.writeHead((await verifier.health()).ok ? 200 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const probe = async () => (await fetch(`http://127.0.0.1:${port}/`)).status;
  try {
    const route = verifier.route({ body: 'stream' });
    const [one, other] = await Promise.all([verifier.health(), route.health()]);
    expect([one.ok, other, asked]).toEqual([false, one, 1]);
    expect([await probe(), asked]).toEqual([200, 2]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
