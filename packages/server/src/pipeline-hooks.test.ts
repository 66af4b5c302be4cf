import { Refusal, Secret } from '@countersign/core';
import {
  createVerifier,
  memoryNonceStore,
  type NonceStore,
  type RefusalCode,
  type RequestView,
  staticKeys,
  type VerifierOptions,
} from '@countersign/server';
import {
  type SignedRequestOptions,
  signedRequest,
  TEST_KEY,
  TEST_KEY_ENTRY,
  withHeader,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

// What stands behind a verifier fails in every way there is; the verifier refuses, and says why to its owner only.

const NOW = Date.UTC(2020, 0, 1, 12, 0, 30);
const now = () => NOW;
const keys = staticKeys([TEST_KEY_ENTRY]);
const make = (options: object) =>
  createVerifier({
    keys,
    nonces: memoryNonceStore({ start: 'fresh', now }),
    hosts: ['api.example.com'],
    now,
    ...options,
  });
const post = (options: SignedRequestOptions = {}) =>
  signedRequest({ now, method: 'POST', body: 'abc', ...options });

async function refusalOf(options: object, view: RequestView = post()): Promise<Refusal> {
  const verdict = await make(options).verify(view);
  if (verdict.verdict === 'accepted') throw new Error('accepted');
  return verdict;
}

const failure = new Error('postgres://user:hunter2@db is down');
const record = { credential: TEST_KEY.credential, algorithm: 'HMAC-256', status: 'active' };
const secret = Secret.from(TEST_KEY.secret);
const thenable = (then: unknown) => Object.fromEntries([['then', then]]);
const trap = Object.defineProperty({}, 'then', {
  get: () => {
    throw failure;
  },
});

/** A hook that gives this, at once or later. */
const VARIANTS: readonly [name: string, wrap: (value: unknown) => () => unknown][] = [
  ['sync', (value) => () => value],
  ['async', (value) => async () => value],
  ['a thenable', (value) => () => thenable((done: (value: unknown) => void) => done(value))],
];
const FAILURES: readonly [name: string, hook: () => unknown][] = [
  [
    'throws',
    () => {
      throw failure;
    },
  ],
  ['rejects', () => Promise.reject(failure)],
  ['rejects later', () => new Promise((_, reject) => setTimeout(() => reject(failure), 1))],
  [
    'gives a thenable that throws',
    () =>
      thenable(() => {
        throw failure;
      }),
  ],
  [
    'gives a thenable that rejects',
    () => thenable((_: unknown, fail: (error: Error) => void) => fail(failure)),
  ],
  ['gives a trap', () => trap],
];

interface Hook {
  readonly name: string;
  readonly options: (hook: () => unknown) => object;
  readonly view?: (hook: () => unknown) => unknown;
  /** The code when it fails. */
  readonly failed: RefusalCode;
  /** What it may not answer, with the code for it where that is another. */
  readonly junk: readonly (readonly [value: unknown, code?: RefusalCode])[];
}

const HOOKS: readonly Hook[] = [
  {
    name: 'keys',
    options: (find) => ({ keys: { find } }),
    failed: 'key_store_unavailable',
    junk: [
      ...[undefined, null, false, true, 0, '', 'orders-service', [], {}].map(
        (value) => [value, 'credential_unknown'] as const,
      ),
      [{ ...record, credential: 'orders-service2', secrets: [{ secret }] }, 'credential_unknown'],
      [{ ...record, credential: 'Orders-Service', secrets: [{ secret }] }, 'credential_unknown'],
      [{ ...record, status: 'disabled', secrets: [{ secret }] }, 'credential_inactive'],
      [{ ...record, status: undefined, secrets: [{ secret }] }, 'credential_inactive'],
      [{ ...record, status: 'Active', secrets: [{ secret }] }, 'credential_inactive'],
      [{ ...record, secrets: [] }, 'credential_inactive'],
      [{ ...record, algorithm: undefined, secrets: [{ secret }] }, 'algorithm_mismatch'],
      [{ ...record, algorithm: 'md5', secrets: [{ secret }] }, 'algorithm_mismatch'],
      [{ ...record, secrets: [{ secret, notAfter: Number.NaN }] }, 'credential_inactive'],
      [
        { ...record, secrets: [{ secret, notAfter: '2030-01-01T00:00:00Z' }] },
        'credential_inactive',
      ],
      [
        { ...record, secrets: [{ secret, notBefore: '2010-01-01T00:00:00Z' }] },
        'credential_inactive',
      ],
      [record],
      [{ ...record, secrets: null }],
      [{ ...record, secrets: 7 }],
      [{ ...record, secrets: [undefined] }],
      [{ ...record, secrets: [{}] }],
      [{ ...record, secrets: [{ secret: TEST_KEY.secret }] }],
      [{ ...record, secrets: [{ secret: Buffer.alloc(32) }] }],
      [{ ...record, secrets: [{ secret }, { secret: null }] }],
    ],
  },
  {
    name: 'authorize',
    options: (authorize) => ({ authorize }),
    failed: 'permission_denied',
    junk: [
      ...[
        undefined,
        null,
        true,
        false,
        1,
        0,
        '',
        'Allowed',
        'allowed ',
        'allow',
        'ok',
        'denied',
        ['allowed'],
        {},
      ].map((value) => [value] as const),
      [Object('allowed')],
      ['address_not_allowed', 'address_not_allowed'],
    ],
  },
  {
    name: 'nonces',
    options: (claim) => ({ nonces: { skew: 300, claim } }),
    failed: 'nonce_store_unavailable',
    junk: [
      ...[
        undefined,
        null,
        true,
        false,
        1,
        0,
        'OK',
        '',
        'fresh ',
        'Fresh',
        'unavailable',
        ['fresh'],
        {},
        Object('fresh'),
      ].map((value) => [value] as const),
      ['replayed', 'nonce_replayed'],
      ['full', 'nonce_store_full'],
    ],
  },
  {
    name: 'limitRate',
    options: (limitRate) => ({ limitRate }),
    failed: 'rate_limited',
    junk: [
      undefined,
      null,
      true,
      false,
      1,
      0,
      '',
      'Allowed',
      'allowed ',
      ['allowed'],
      {},
      { retryAfter: -1 },
      { retryAfter: 5n },
      Object('allowed'),
    ].map((value) => [value] as const),
  },
  {
    name: 'body',
    options: () => ({}),
    view: (read) => ({ ...post(), body: { read } }),
    failed: 'body_unavailable',
    junk: [
      ...[
        undefined,
        null,
        true,
        3,
        'abc',
        [97, 98, 99],
        {},
        { length: 3 },
        new Uint16Array(3),
        new ArrayBuffer(3),
      ].map((value) => [value] as const),
      [Buffer.from('ab'), 'body_incomplete'],
      [Buffer.from('abcd'), 'body_incomplete'],
      [Buffer.from('abd'), 'digest_mismatch'],
      [new Refusal('body_timeout', 'Late.'), 'body_timeout'],
    ],
  },
];

const refusalBy = ({ options, view }: Hook, hook: () => unknown) =>
  refusalOf(options(hook), (view?.(hook) ?? post()) as RequestView);

describe.each(HOOKS)('$name', (hook) => {
  it.each(FAILURES)('that %s is refused, with the cause for the owner', async (_, fail) => {
    const refusal = await refusalBy(hook, fail);
    expect(refusal.code).toBe(hook.failed);
    expect(refusal.cause).toBe(failure);
    for (const disclosure of ['minimal', 'full']) {
      const answer = make({ disclosure }).answer(refusal);
      expect(JSON.stringify(answer)).not.toMatch(/hunter2|postgres/);
    }
  });

  it.each(VARIANTS)('that gives junk is refused: %s', async (_, wrap) => {
    for (const [value, code = hook.failed] of hook.junk) {
      expect([value, (await refusalBy(hook, wrap(value))).code]).toEqual([value, code]);
    }
  });
});

describe('good answers', () => {
  it.each(VARIANTS)('are taken: %s', async (_, wrap) => {
    const verifier = make({
      keys: { find: wrap({ ...record, secrets: [{ secret }] }) },
      nonces: { skew: 300, claim: wrap('fresh') },
      authorize: wrap('allowed'),
      limitRate: wrap('allowed'),
    });
    const view: unknown = { ...post(), body: { read: wrap(Buffer.from('abc')) } };
    const verdict = await verifier.verify(view as RequestView);
    expect(verdict).toMatchObject({
      verdict: 'accepted',
      target: '/',
      identity: { credential: 'orders-service' },
    });
  });

  it('authorize is asked about the canonical target, the method and the address', async () => {
    const queries: unknown[] = [];
    const authorize: VerifierOptions['authorize'] = (identity, query) => {
      queries.push([identity.credential, query]);
      return 'allowed';
    };
    const url = 'https://api.example.com/v1/%7ealice?b=2&a=caf%c3%a9';
    await make({ authorize }).verify(post({ url, remoteAddress: '192.0.2.1' }));
    const target = '/v1/~alice?a=caf%C3%A9&b=2';
    expect(queries).toEqual([
      ['orders-service', { method: 'POST', target, remoteAddress: '192.0.2.1' }],
    ]);
  });

  it('a claim is for the credential and the nonce that were signed, until date + skew', async () => {
    const claims: unknown[] = [];
    const nonces: NonceStore = {
      skew: 3_600,
      claim: (...claim) => {
        claims.push(claim);
        return 'fresh';
      },
    };
    const nonce = () => 'N'.repeat(22);
    await make({ nonces, skew: 60 }).verify(post({ nonce, now: () => NOW + 60_000 }));
    expect(claims).toEqual([['orders-service', nonce(), NOW / 1000 + 120, NOW / 1000 + 60]]);
  });

  it.each([
    [7, '7'],
    [0.2, '1'],
    [1.2, '2'],
    [0, '1'],
    [Number.NaN, '1'],
    [Infinity, '1'],
  ])('limitRate: retryAfter %s is Retry-After: %s', async (retryAfter, header) => {
    const options = { limitRate: () => ({ retryAfter }) };
    const refusal = await refusalOf(options);
    expect(make(options).answer(refusal)).toMatchObject({
      status: 429,
      headers: { 'Retry-After': header },
    });
  });
});

describe('the clock', () => {
  it.each([Number.NaN, undefined, 'today', {}, -Infinity, Infinity])('%s refuses', async (time) => {
    const { code } = await refusalOf({ now: () => time });
    expect(code).toMatch(/^date_(?:expired|in_future)$/);
  });

  it('that fails between stage 6 and stage 9 refuses too', async () => {
    const times = [NOW, Number.NaN];
    expect((await refusalOf({ now: () => times.shift() })).code).toBe('date_expired');
  });

  it.each([
    [-300_000, 'accepted'],
    [-300_001, 'date_in_future'],
    [0, 'accepted'],
    [300_999, 'accepted'],
    [301_000, 'date_expired'],
  ])('%i ms after the date: %s', async (offset, expected) => {
    const verdict = await make({ now: () => NOW + offset }).verify(post());
    expect(verdict.verdict === 'accepted' ? 'accepted' : verdict.code).toBe(expected);
  });
});

describe('disclosure', () => {
  it('full tells the code and the string to sign; never the MAC, never the secret', async () => {
    const verifier = make({ disclosure: 'full' });
    const honest = post();
    const refusal = await refusalOf({}, withHeader(honest, 'x-nonce', 'B'.repeat(22)));
    const { body } = verifier.answer(refusal);
    const problem = JSON.parse(body);
    expect(problem).toMatchObject({ code: 'signature_mismatch', status: 401 });
    expect(problem.stringToSign).toMatch(/^HMAC-256\norders-service\nPOST\n\/\ncontent-digest: /);
    const mac = secret.sign('HMAC-256', problem.stringToSign);
    for (const hidden of [mac, mac.slice(0, 20), TEST_KEY.secret.slice(4), 'AAECAwQF']) {
      expect(body).not.toContain(hidden);
    }
    expect(make({}).answer(refusal).body).not.toContain('stringToSign');
  });

  it('full has no string to sign before stage 5', async () => {
    const refusal = await refusalOf({}, withHeader(post(), 'host', 'other.example'));
    expect(JSON.parse(make({ disclosure: 'full' }).answer(refusal).body)).not.toHaveProperty(
      'stringToSign',
    );
  });
});
