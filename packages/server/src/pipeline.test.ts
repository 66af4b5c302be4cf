import { publicCode } from '@countersign/core';
import {
  createVerifier,
  memoryNonceStore,
  type RefusalCode,
  type RequestView,
  staticKeys,
  type VerifierOptions,
} from '@countersign/server';
import {
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  TEST_KEY,
  TEST_KEY_ENTRY,
  withAddedHeader,
  withAuthorization,
  withHeader,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

const NOW = Date.UTC(2020, 0, 1, 12, 0, 30);
const now = () => NOW;
const body = '{"sku":"A-1","qty":2}';
const OTHER_SECRET = `csk_${'A'.repeat(43)}`;
const keys = staticKeys([
  TEST_KEY_ENTRY,
  { credential: 'disabled', status: 'disabled', secrets: TEST_KEY_ENTRY.secrets },
  {
    credential: 'retired',
    secrets: [{ secret: TEST_KEY.secret, notAfter: '2020-01-01T12:00:30Z' }],
  },
  {
    credential: 'early',
    secrets: [{ secret: TEST_KEY.secret, notBefore: '2020-01-01T12:00:31Z' }],
  },
  { credential: 'large', algorithm: 'HMAC-512', secrets: TEST_KEY_ENTRY.secrets },
]);
const verifierOf = (options: Partial<VerifierOptions> = {}) =>
  createVerifier({
    keys,
    nonces: memoryNonceStore({ start: 'fresh', now }),
    hosts: ['api.example.com'],
    now,
    ...options,
  });
const post = (options: SignedRequestOptions = {}) =>
  signedRequest({
    now,
    method: 'POST',
    url: 'https://api.example.com/v1/orders',
    body,
    ...options,
  });

async function codeOf(verifier: ReturnType<typeof createVerifier>, view: RequestView) {
  const verdict = await verifier.verify(view);
  return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
}

interface Fault {
  readonly stage: number;
  readonly code: RefusalCode;
  readonly sign?: SignedRequestOptions;
  readonly verifier?: Partial<VerifierOptions>;
  readonly spoil?: (view: SignedRequestView) => SignedRequestView;
}

const throws = () => {
  throw new Error('out of order');
};
// One fault a stage, each of which leaves room for any other.
const FAULTS: readonly Fault[] = [
  {
    stage: 1,
    code: 'header_duplicated',
    spoil: (view) => withAddedHeader(view, 'x-nonce', 'B'.repeat(22)),
  },
  {
    stage: 2,
    code: 'authorization_malformed',
    spoil: (view) => withHeader(view, 'authorization', 'HMAC-256 x'),
  },
  { stage: 3, code: 'key_store_unavailable', verifier: { keys: { find: throws } } },
  { stage: 4, code: 'host_not_allowed', verifier: { hosts: ['other.example'] } },
  { stage: 5, code: 'signature_mismatch', sign: { secret: OTHER_SECRET } },
  { stage: 6, code: 'date_expired', sign: { now: () => NOW - 301_000 } },
  { stage: 7, code: 'permission_denied', verifier: { authorize: () => 'permission_denied' } },
  {
    stage: 8,
    code: 'digest_mismatch',
    spoil: (view) => ({ ...view, body: Buffer.from(body.replace('2', '3')) }),
  },
  {
    stage: 9,
    code: 'nonce_replayed',
    verifier: { nonces: { skew: 300, claim: () => 'replayed' } },
  },
  { stage: 10, code: 'rate_limited', verifier: { limitRate: () => ({ retryAfter: 7 }) } },
];

/** A request and a verifier with these faults; later faults were put in first, so that earlier ones can wrap them. */
function spoilt(faults: readonly Fault[]) {
  const sign = Object.assign({}, ...faults.map((fault) => fault.sign));
  let view = post(sign);
  for (const { spoil } of [...faults].reverse()) view = spoil?.(view) ?? view;
  return { view, options: Object.assign({}, ...faults.map((fault) => fault.verifier)) };
}

describe('stages', () => {
  it.each(FAULTS)('$stage refuses with $code', async (fault) => {
    const { view, options } = spoilt([fault]);
    expect(await codeOf(verifierOf(options), view)).toBe(fault.code);
    expect(await codeOf(verifierOf(), post())).toBe('accepted');
  });

  const pairs = FAULTS.flatMap((first) =>
    FAULTS.filter((second) => second.stage > first.stage).map((second) => ({ first, second })),
  );
  it.each(pairs)('$first.stage comes before $second.stage', async ({ first, second }) => {
    const { view, options } = spoilt([first, second]);
    expect(await codeOf(verifierOf(options), view)).toBe(first.code);
  });

  it('a request with every fault is refused by the first, and with all but n by n + 1', async () => {
    for (let from = 0; from < FAULTS.length; from++) {
      const { view, options } = spoilt(FAULTS.slice(from));
      expect(await codeOf(verifierOf(options), view)).toBe(FAULTS[from]?.code);
    }
  });

  it.each(FAULTS)('nothing behind stage $stage is asked when it refuses', async (fault) => {
    const { view, options } = spoilt([fault]);
    const asked = new Set<number>();
    const note = <T>(stage: number, value: T): T => {
      asked.add(stage);
      return value;
    };
    const nonces = memoryNonceStore({ start: 'fresh', now });
    const given: Partial<VerifierOptions> = options;
    const verifier = verifierOf({
      ...given,
      keys: { find: (credential) => note(3, given.keys ?? keys).find(credential) },
      authorize: (...query) => note(7, given.authorize)?.(...query) ?? 'allowed',
      nonces: { skew: 300, claim: (...pair) => note(9, given.nonces ?? nonces).claim(...pair) },
      limitRate: (identity) => note(10, given.limitRate)?.(identity) ?? 'allowed',
    });
    const source = { read: () => note(8, view.body as Uint8Array) };
    expect(await codeOf(verifier, { ...view, body: source })).toBe(fault.code);
    expect([...asked]).toEqual([3, 7, 8, 9, 10].filter((stage) => stage <= fault.stage));
  });
});

describe('a failure of the credential is held until stage 5', () => {
  const HELD: readonly [code: RefusalCode, sign: SignedRequestOptions][] = [
    ['credential_unknown', { credential: 'nobody' }],
    ['credential_inactive', { credential: 'disabled' }],
    ['credential_inactive', { credential: 'retired' }],
    ['credential_inactive', { credential: 'early' }],
    ['algorithm_mismatch', { credential: 'large' }],
    ['algorithm_mismatch', { algorithm: 'HMAC-512' }],
    ['signature_mismatch', { secret: OTHER_SECRET }],
  ];
  const STAGE_4: readonly [
    code: RefusalCode,
    spoil: (view: SignedRequestView) => SignedRequestView,
  ][] = [
    ['header_unsigned', (view) => withAddedHeader(view, 'Content-Type', 'a/b')],
    ['header_missing', (view) => withoutHeader(view, 'x-nonce')],
    ['header_malformed', (view) => withAddedHeader(view, 'Transfer-Encoding', 'chunked')],
    ['target_malformed', (view) => withTarget(view, '/a/../b')],
    ['target_too_long', (view) => withTarget(view, `/${'a'.repeat(8_192)}`)],
    ['host_malformed', (view) => withHeader(view, 'host', 'a/b')],
    ['host_not_allowed', (view) => withHeader(view, 'host', 'other.example')],
    ['digest_missing', (view) => withoutHeader(view, 'content-digest')],
  ];

  it.each(HELD)(
    '%s: a fault of stage 4 is answered as for a known credential',
    async (code, sign) => {
      const verifier = verifierOf();
      for (const [expected, spoil] of STAGE_4) {
        const stranger = await verifier.verify(spoil(post(sign)));
        const known = await verifier.verify(spoil(post()));
        if (stranger.verdict === 'accepted' || known.verdict === 'accepted')
          throw new Error('accepted');
        expect(stranger.code).toBe(expected);
        expect(verifier.answer(stranger)).toEqual(verifier.answer(known));
      }
      expect(await codeOf(verifier, post(sign))).toBe(code);
    },
  );

  it('and answered to outsiders byte for byte like the others, and ahead of stages 6 to 10', async () => {
    const later = spoilt(FAULTS.slice(5));
    const verifier = verifierOf(later.options);
    const full = verifierOf({ ...later.options, disclosure: 'full' });
    const answers = new Set<string>();
    for (const [code, sign] of HELD) {
      const verdict = await verifier.verify(post({ ...sign, now: () => NOW - 301_000 }));
      if (verdict.verdict === 'accepted') throw new Error('accepted');
      expect([verdict.code, publicCode(verdict.code)]).toEqual([code, 'credential_rejected']);
      answers.add(JSON.stringify(verifier.answer(verdict)));
      expect(JSON.parse(full.answer(verdict).body)).toMatchObject({
        code,
        stringToSign: expect.stringContaining('\n/v1/orders\n'),
      });
    }
    expect(answers.size).toBe(1);
  });

  it('a signature by the dummy secret of 32 zero bytes does not get in', async () => {
    const view = post({ credential: 'nobody', secret: new Uint8Array(32) });
    expect(await codeOf(verifierOf(), view)).toBe('credential_unknown');
  });

  it('credentials that objects inherit are unknown, also to a store that is a plain object', async () => {
    const records: Record<string, undefined> = {};
    for (const credential of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const view = post({ credential });
      expect(await codeOf(verifierOf(), view)).toBe('credential_unknown');
      const plain = verifierOf({ keys: { find: (name) => records[name] } });
      expect(await codeOf(plain, view)).toBe('credential_unknown');
    }
  });
});

describe('the bounds of a secret', () => {
  it.each([
    ['notAfter', '2020-01-01T12:00:30.001Z', 'accepted'],
    ['notAfter', '2020-01-01T12:00:30Z', 'credential_inactive'],
    ['notBefore', '2020-01-01T12:00:30Z', 'accepted'],
    ['notBefore', '2020-01-01T12:00:30.001Z', 'credential_inactive'],
  ])('%s %s: %s', async (bound, time, expected) => {
    const secrets = [{ secret: TEST_KEY.secret, [bound]: time }];
    const verifier = verifierOf({
      keys: staticKeys([{ credential: TEST_KEY.credential, secrets }]),
    });
    expect(await codeOf(verifier, post())).toBe(expected);
  });

  it('of two live secrets either signs, and the identity says which; a dead one beside them does not', async () => {
    const third = `csk_${'B'.repeat(42)}A`;
    const secrets = [
      { id: 'old', secret: OTHER_SECRET },
      { id: 'new', secret: TEST_KEY.secret },
      { id: 'dead', secret: third, notAfter: '2019-01-01T00:00:00Z' },
    ];
    const verifier = verifierOf({
      keys: staticKeys([{ credential: TEST_KEY.credential, group: 'g', secrets }]),
    });
    for (const [secret, secretId] of [
      [OTHER_SECRET, 'old'],
      [TEST_KEY.secret, 'new'],
    ] as const) {
      expect(await verifier.verify(post({ secret }))).toMatchObject({
        identity: { secretId, group: 'g' },
      });
    }
    expect(await codeOf(verifier, post({ secret: third }))).toBe('signature_mismatch');
    expect(
      await codeOf(verifier, withAuthorization(post(), { signature: `${'A'.repeat(43)}=` })),
    ).toBe('signature_mismatch');
  });
});
