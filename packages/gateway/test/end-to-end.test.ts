import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSigner, signedFetch } from '@countersign/client';
import { freePort } from '@countersign/test-servers';
import {
  headerOf,
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  TEST_KEY,
  toHttp1,
  Wire,
  withAddedHeader,
  withBody,
  withHeader,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { expect, it } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';
import { pythonService } from './python-service.js';

const CLI = fileURLToPath(new URL('../../cli/bin/countersign.js', import.meta.url));

async function curl(...args: string[]): Promise<string> {
  const { credential, secret } = TEST_KEY;
  const env = { ...process.env, COUNTERSIGN_CREDENTIAL: credential, COUNTERSIGN_SECRET: secret };
  const child = spawn(process.execPath, [CLI, 'curl', '-s', ...args], { env });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  await once(child, 'close');
  return text;
}

it('a Python service is called by curl, by signedFetch and by way of a second gateway', async () => {
  const service = await pythonService();
  const port = await freePort();
  await gatewayOf({
    hosts: [`127.0.0.1:${port}`],
    proxy: {
      ...{ listen: `127.0.0.1:${port}`, upstream: `http://127.0.0.1:${service.port}` },
      ...{ memoryBytes: 100, stream: { routes: ['POST /stream'] } },
    },
    policy: { routes: ['GET /orders', 'POST /orders', 'POST /stream'] },
  });
  const origin = `http://127.0.0.1:${port}`;
  const local = await freePort();
  const { credential } = TEST_KEY;
  await gatewayOf({
    egress: [{ listen: `127.0.0.1:${local}`, origin, credential, secret: 'env:SECRET' }],
  });
  const signed = signedFetch(createSigner(TEST_KEY), { origins: [origin] });
  const long = 'x'.repeat(5_000);
  const callers = {
    curl: (path: string, body?: string) =>
      curl(`${origin}${path}`, ...(body === undefined ? [] : ['-d', body])),
    signedFetch: async (path: string, body?: string) =>
      (await signed(`${origin}${path}`, body === undefined ? {} : { method: 'POST', body })).text(),
    egress: async (path: string, body?: string) => {
      const init = body === undefined ? {} : { method: 'POST', body };
      return (await fetch(`http://127.0.0.1:${local}${path}`, init)).text();
    },
  };
  for (const [name, call] of Object.entries(callers)) {
    for (const args of [['/orders'], ['/orders', 'x'], ['/orders', long], ['/stream', long]]) {
      expect(await call(...(args as [string])), name).toBe('{"id":7}');
    }
    expect(JSON.parse(await call('/secrets')), name).toMatchObject({ code: 'permission_denied' });
  }
  expect((await fetch(`${origin}/orders`)).status).toBe(401);
  const sizes = [0, 1, 5_000, 5_000];
  expect(service.seen().map(({ bytes }) => bytes)).toEqual([...sizes, ...sizes, ...sizes]);
  expect(new Set(service.seen().map(({ caller }) => caller))).toEqual(new Set([credential]));
});

const BODY = Buffer.alloc(2_000, 'countersign ');
const crowd = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`X-${i}`, 'v']));
const OTHER = 'csk_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8';
const hour = 3_600_000;

/** What is wrong with each, by the code that the caller is told; built from a signed request to the path. */
const REFUSED: [string, (signed: Sign) => SignedRequestView | Uint8Array][] = [
  ['headers_too_many', (signed) => signed({ headers: crowd })],
  ['header_duplicated', (signed) => withAddedHeader(signed(), 'X-Nonce', 'A'.repeat(22))],
  ['authorization_missing', (signed) => withoutHeader(signed(), 'authorization')],
  ['authorization_malformed', (signed) => withHeader(signed(), 'Authorization', 'HMAC-256 x')],
  ['scheme_unsupported', (signed) => withHeader(signed(), 'Authorization', 'Bearer x')],
  ['credential_rejected', (signed) => signed({ credential: 'nobody' })],
  ['credential_rejected', (signed) => signed({ credential: 'retired' })],
  ['credential_rejected', (signed) => signed({ algorithm: 'HMAC-512' })],
  ['credential_rejected', (signed) => signed({ secret: OTHER })],
  ['credential_rejected', (signed) => withTarget(signed(), '/memory?more')],
  ['header_unsigned', (signed) => withAddedHeader(signed(), 'X-HTTP-Method-Override', 'DELETE')],
  ['header_missing', (signed) => withoutHeader(signed(), 'x-nonce')],
  ['header_malformed', (signed) => withAddedHeader(signed(), 'Connection', 'X-Nonce')],
  ['target_malformed', (signed) => withTarget(signed(), '//memory')],
  ['target_too_long', (signed) => withTarget(signed(), `/${'a'.repeat(9_000)}`)],
  ['host_malformed', (signed) => withHeader(signed(), 'Host', 'a b')],
  ['host_not_allowed', (signed) => withHeader(signed(), 'Host', 'elsewhere.example')],
  ['digest_missing', (signed) => withoutHeader(signed(), 'content-digest')],
  ['date_expired', (signed) => signed({ now: () => Date.now() - hour })],
  ['date_in_future', (signed) => signed({ now: () => Date.now() + hour })],
  ['permission_denied', (signed) => signed({ method: 'DELETE' })],
  ['address_not_allowed', (signed) => signed({ url: 'https://api.example.com/inside' })],
  ['digest_mismatch', (signed) => withBody(signed(), Buffer.alloc(2_000, 'Countersign '))],
  ['body_too_large', (signed) => signed({ body: Buffer.alloc(70_000) })],
];
type Sign = (options?: SignedRequestOptions) => SignedRequestView;

it.each(['/memory', '/spooled', '/stream'])(
  'of what is refused under %s a Python service sees nothing whole',
  async (path) => {
    const service = await pythonService();
    const { credential, secret } = TEST_KEY;
    const keys = join(folder(), 'all-keys.json');
    const retired = { credential: 'retired', status: 'disabled', secrets: [{ secret }] };
    writeFileSync(keys, JSON.stringify({ keys: [{ credential, secrets: [{ secret }] }, retired] }));
    const tried = await gatewayOf({
      keys: { file: keys },
      proxy: {
        ...{ listen: '127.0.0.1:0', upstream: `http://127.0.0.1:${service.port}` },
        ...{ maxBodyBytes: 65_536, bodyTimeout: 1_000 },
        memoryBytes: path === '/memory' ? 65_536 : 1_000,
        stream: { routes: ['POST /stream'], maxBodyBytes: 65_536, bodyTimeout: 1_000 },
      },
      policy: {
        routes: [
          `POST ${path}`,
          { path: '/inside', methods: ['POST'], allowAddresses: ['10.0.0.0/8'] },
        ],
      },
      rateLimits: { limits: [{ requests: 9, seconds: 60 }] },
    });
    const port = tried.port('proxy');
    const signed: Sign = (options = {}) =>
      signedRequest({
        ...{ now: () => Date.now(), method: 'POST', body: BODY },
        url: `https://api.example.com${path}`,
        ...options,
      });
    const ask = async (request: SignedRequestView | Uint8Array | string) => {
      const wire = await Wire.open(port);
      try {
        const { status, body } = await wire.write(request).reply();
        return status === 200 ? 'accepted' : JSON.parse(body).code;
      } finally {
        wire.socket.destroy();
      }
    };
    for (const [code, made] of REFUSED)
      expect([code, await ask(made(signed))]).toEqual([code, code]);
    for (const [name, value, code] of [
      ['x-nonce', 'short', 'nonce_malformed'],
      ['date', 'Wed, 31 Feb 2020 12:00:30 GMT', 'date_malformed'],
      ['content-digest', 'sha-256=:AAAA:', 'digest_malformed'],
    ] as const) {
      expect([code, await ask(signedAnew(withHeader(signed(), name, value)))]).toEqual([
        code,
        code,
      ]);
    }
    const early = () => Buffer.from(toHttp1(signed())).subarray(0, -1_000);
    expect(await ask(early())).toBe('body_timeout');
    const wire = await Wire.open(port);
    wire.write(early()).socket.end();
    expect(JSON.parse((await wire.reply()).body).code).toBe('body_incomplete');

    const once = signed();
    expect(await ask(once)).toBe('accepted');
    expect(await ask(once)).toBe('nonce_replayed');
    const outcomes = [];
    for (let i = 0; i < 12; i++) outcomes.push(await ask(signed()));
    const accepted = outcomes.indexOf('rate_limited');
    expect(accepted).toBeGreaterThan(0);
    expect(new Set(outcomes.slice(accepted))).toEqual(new Set(['rate_limited']));

    await expect.poll(() => service.seen().filter(isWhole)).toHaveLength(accepted + 1);
    for (const { bytes, caller } of service.seen().filter(isWhole)) {
      expect([bytes, caller]).toEqual([BODY.length, credential]);
    }
    const cut = service.seen().filter((request) => !isWhole(request));
    if (path !== '/stream') expect(cut).toEqual([]);
    for (const { bytes } of cut) expect(bytes).toBeLessThan(65_536);
  },
);

const isWhole = ({ complete }: { readonly complete: boolean }) => complete;

/** Signed by somebody who has the secret, whatever it says. */
function signedAnew(view: SignedRequestView): SignedRequestView {
  const { method, target } = view;
  const field = headerOf(view, 'authorization') as string;
  const [, names = ''] = /SignedHeaders=([^,]*)/.exec(field) ?? [];
  const lines = names.split(';').map((name) => `${name}: ${headerOf(view, name)}\n`);
  const text = `HMAC-256\n${TEST_KEY.credential}\n${method}\n${target}\n${lines.join('')}`;
  const key = Buffer.from(TEST_KEY.secret.slice('csk_'.length), 'base64url');
  const signature = createHmac('sha256', key).update(text).digest('base64');
  return withHeader(view, 'authorization', field.replace(/Signature=.*/, `Signature=${signature}`));
}
