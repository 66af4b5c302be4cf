import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { Secret } from '@countersign/core';
import {
  createVerifier,
  keyFile,
  memoryNonceStore,
  type NonceStore,
  staticKeys,
  type Verifier,
} from '@countersign/server';
import {
  type SignedRequestView,
  signedRequest,
  TEST_KEY,
  withHeader,
  withTarget,
} from '@countersign/testkit';
import { afterAll, describe, expect, it } from 'vitest';

const { credential, secret } = TEST_KEY;
const bytes = Buffer.from(secret.slice(4), 'base64url');
const directory = mkdtempSync(join(tmpdir(), 'countersign-redaction-'));
const path = join(directory, 'keys.json');
writeFileSync(path, JSON.stringify({ keys: [{ credential, secrets: [{ id: 'one', secret }] }] }));
afterAll(() => rmSync(directory, { recursive: true }));

// The secret in every spelling that a dump could have; of each a part will do.
const SPELLINGS = [
  secret.slice(4, 24),
  bytes.toString('base64').slice(0, 20),
  bytes.toString('hex').slice(0, 24),
  bytes.toString('latin1').slice(0, 16),
  [...bytes.subarray(0, 8)].join(','),
  [...bytes.subarray(0, 8)].join(', '),
  [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
  createHash('sha256').update(bytes).digest('base64').slice(0, 20),
];

/** All that a logger, a debugger or a crash would print of a value. */
function shown(value: unknown): string {
  const every = {
    depth: 10,
    showHidden: true,
    maxArrayLength: null,
    maxStringLength: null,
    getters: true,
  };
  const texts = [
    inspect(value, every),
    inspect(value, { ...every, showProxy: true }),
    format('%s %j %o %O', value, value, value, value),
  ];
  texts.push(JSON.stringify(value) ?? '', String(value));
  if (value instanceof Error) texts.push(value.message, value.stack ?? '', shown(value.cause));
  if (typeof value === 'object' && value !== null) texts.push(`${Object.entries(value)}`);
  return texts.join('\n');
}

function expectSilent(value: unknown, hidden: readonly string[] = SPELLINGS): void {
  const text = shown(value);
  for (const spelling of hidden) expect(text.toLowerCase()).not.toContain(spelling.toLowerCase());
}

const keys = staticKeys([{ credential, secrets: [{ id: 'one', secret }] }]);
const nonces = memoryNonceStore({ start: 'fresh' });
const verifierOf = (options: object = {}): Verifier =>
  createVerifier({ keys, nonces, hosts: ['api.example.com'], ...options });

it('the spellings are found where nothing hides them', () => {
  const bare = [secret, bytes, bytes.toString('base64'), bytes.toString('hex'), [...bytes]];
  for (const value of bare) {
    const text = shown(value).toLowerCase();
    expect(SPELLINGS.some((spelling) => text.includes(spelling.toLowerCase()))).toBe(true);
  }
});

describe('nothing shows the secret', () => {
  it('a Secret that was used', () => {
    const used = Secret.from(secret);
    const mac = used.sign('HMAC-256', 'text');
    expect(used.verify('HMAC-256', 'text', mac)).toBe(true);
    used.sign('HMAC-512', 'text');
    expectSilent(used);
    expectSilent({ deep: [{ used }], map: new Map([[used, used]]) });
    expect([`${used}`, JSON.stringify({ used }), inspect(used)]).toEqual([
      '[secret]',
      '{"used":"[secret]"}',
      '[secret]',
    ]);
  });

  it('key stores and their records', async () => {
    for (const store of [keys, keyFile(path)]) {
      const record = await store.find(credential);
      expect(record?.secrets).toHaveLength(1);
      for (const value of [store, record, record?.secrets, record?.secrets[0]]) expectSilent(value);
    }
  });

  it('a verifier, its verdicts and its answers', async () => {
    const view = signedRequest({ method: 'POST', body: '{}' });
    const downs: NonceStore = { skew: 300, claim: () => Promise.reject(new Error('down')) };
    const requests: [SignedRequestView, object][] = [
      [view, {}],
      [view, {}],
      [withTarget(view, '/b'), {}],
      [withTarget(view, '/a/../b'), {}],
      [withHeader(view, 'authorization', `HMAC-256 Credential=${secret}`), {}],
      [signedRequest({ credential: 'nobody' }), {}],
      [signedRequest(), { nonces: downs }],
      [signedRequest(), { authorize: () => 'permission_denied' }],
      [signedRequest(), { limitRate: () => ({ retryAfter: 1 }) }],
    ];
    const codes = [];
    for (const [request, options] of requests) {
      for (const disclosure of ['minimal', 'full']) {
        const verifier = verifierOf({ ...options, disclosure });
        const verdict = await verifier.verify(request);
        expectSilent(verifier);
        expectSilent(verdict);
        if (verdict.verdict === 'accepted') codes.push('accepted');
        else {
          codes.push(verdict.code);
          expectSilent(verifier.answer(verdict));
          if (verdict.stringToSign === undefined) continue;
          const mac = Secret.from(secret).sign('HMAC-256', verdict.stringToSign);
          if (verdict.code === 'signature_mismatch') {
            expectSilent(verdict, [mac]);
            expectSilent(verifier.answer(verdict), [mac]);
          }
        }
      }
    }
    expect(new Set(codes)).toEqual(
      new Set([
        'accepted',
        'nonce_replayed',
        'signature_mismatch',
        'target_malformed',
        'authorization_malformed',
        'credential_unknown',
        'nonce_store_unavailable',
        'permission_denied',
        'rate_limited',
      ]),
    );
  });

  it('an error that anything throws which was given one', () => {
    const make = (run: () => unknown) => run;
    const misuses = [
      make(() => Secret.from(`${secret}=`)),
      make(() => Secret.from(secret.slice(0, 30))),
      make(() => Secret.from(bytes.subarray(0, 31))),
      make(() => Secret.from(bytes.toString('hex'))),
      make(() => staticKeys([{ credential: secret, secrets: [{ secret }] }])),
      make(() => staticKeys([{ credential, secrets: [{ secret: ` ${secret}` }] }])),
      make(() => staticKeys([{ credential, secrets: [{ secret, id: ` ${secret}` }] }])),
      make(() => staticKeys([{ credential, secrets: [{ secret, notAfter: secret }] }])),
      make(() => verifierOf({ realm: `"${secret}"` })),
      make(() => verifierOf({ hosts: [`${secret}/`] })),
      make(() => verifierOf({ disclosure: secret })),
      make(() => verifierOf({ skew: secret })),
    ];
    for (const misuse of misuses) {
      let thrown: unknown;
      try {
        misuse();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(Error);
      expectSilent(thrown);
    }
  });
});
