import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import {
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  TEST_KEY_ENTRY,
  toHttp1,
  withAuthorization,
  withBody,
  withHeader,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import type { Started } from './adapter-servers.js';
import { resigned } from './resigned.js';
import { CHECKED, SERVERS, UNSIGNED } from './unsigned-servers.js';
import { Wire } from './wire.js';

const BODY = '{"qty":2}';
const ALTERED = '{"qty":9}';
const HEADERS = { 'Content-Type': 'application/json' };

const signed = (path: string, more: SignedRequestOptions = {}) =>
  signedRequest({
    ...{ method: 'POST', url: `https://api.example.com${path}`, headers: HEADERS, body: BODY },
    ...{ now: Date.now, ...more },
  });

/** Signed by somebody who does not sign bodies. */
const withoutDigest = (path: string) =>
  resigned(withoutHeader(signed(path), 'content-digest'), [
    'content-type',
    'date',
    'host',
    'x-nonce',
  ]);

const inAMinute = () => new Date(Date.now() + 60_000).toUTCString();

const started: Started[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.close();
});

describe.each(Object.entries(SERVERS))('body: unsigned, %s', (_name, start) => {
  /** Gives what the handler got, or the code or the status of a refusal. */
  async function startRig() {
    const nonces = memoryNonceStore({ start: 'fresh' });
    const keys = staticKeys([TEST_KEY_ENTRY]);
    const server = await start(createVerifier({ keys, nonces, hosts: ['api.example.com'] }));
    started.push(server);
    return async (view: SignedRequestView): Promise<string | number> => {
      const wire = await Wire.open(server.port);
      const { status, headers, body } = await wire.write(toHttp1(view)).reply();
      wire.socket.destroy();
      if (status === 200) return body;
      return headers.get('content-type')?.includes('problem') ? JSON.parse(body).code : status;
    };
  }

  it('lets a body through that nobody signed, on that route only', async () => {
    const send = await startRig();
    expect(await send(withoutDigest(UNSIGNED))).toBe(BODY);
    expect(await send(withBody(withoutDigest(UNSIGNED), ALTERED))).toBe(ALTERED);
    expect(await send(withoutDigest(CHECKED))).toBe('digest_missing');
    expect(await send(withBody(withoutDigest(CHECKED), ALTERED))).toBe('digest_missing');
    expect(await send(signed(CHECKED))).toBe(BODY);
    expect(await send(withBody(signed(CHECKED), ALTERED))).toBe('digest_mismatch');
  });

  it('holds a body to the digest that was sent for it all the same', async () => {
    const send = await startRig();
    expect(await send(signed(UNSIGNED))).toBe(BODY);
    expect([401, 'digest_mismatch']).toContain(await send(withBody(signed(UNSIGNED), ALTERED)));
    const stripped = withoutHeader(signed(UNSIGNED), 'content-digest');
    expect(await send(stripped)).toBe('header_missing');
  });

  it.each<[string, (view: SignedRequestView) => SignedRequestView, string]>([
    ['another route', (view) => withTarget(view, `${UNSIGNED}?all=1`), 'credential_rejected'],
    ['another type', (view) => withHeader(view, 'content-type', 'a/b'), 'credential_rejected'],
    [
      'a type that is not signed',
      (view) => resigned(view, ['date', 'host', 'x-nonce']),
      'header_unsigned',
    ],
    ['another date', (view) => withHeader(view, 'date', inAMinute()), 'credential_rejected'],
    [
      'another signature',
      (view) => withAuthorization(view, { signature: `${'A'.repeat(43)}=` }),
      'credential_rejected',
    ],
    ['no signature', (view) => withoutHeader(view, 'authorization'), 'authorization_missing'],
  ])('refuses %s', async (_, alter, code) => {
    const send = await startRig();
    expect(await send(alter(withoutDigest(UNSIGNED)))).toBe(code);
  });

  it('refuses a replay, with the same body or another', async () => {
    const send = await startRig();
    const view = withoutDigest(UNSIGNED);
    expect(await send(view)).toBe(BODY);
    expect(await send(view)).toBe('nonce_replayed');
    expect(await send(withBody(view, ALTERED))).toBe('nonce_replayed');
  });
});
