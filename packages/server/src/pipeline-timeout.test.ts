import { Secret } from '@countersign/core';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { signedRequest, TEST_KEY, TEST_KEY_ENTRY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

const now = () => Date.UTC(2020, 0, 1, 12, 0, 30);
const make = (options: object) =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh', now }),
    hosts: ['api.example.com'],
    now,
    storeTimeout: 20,
    ...options,
  });
const silent = () => new Promise<never>(() => {});

describe('what never answers', () => {
  it.each([
    ['key_store_unavailable', { keys: { find: silent } }],
    ['nonce_store_unavailable', { nonces: { skew: 300, claim: silent } }],
    ['permission_denied', { authorize: silent }],
    ['rate_limited', { limitRate: silent }],
  ])('is answered with %s', async (code, options) => {
    const verdict = await make(options).verify(signedRequest({ now }));
    expect(verdict).toMatchObject({ verdict: 'refused', code });
    expect(verdict).toHaveProperty('cause', new Error('no answer within 20 ms'));
  });
});

describe('a key record from a database', () => {
  it('may say null for the bounds that it does not have', async () => {
    const secrets = [{ secret: Secret.from(TEST_KEY.secret), notBefore: null, notAfter: null }];
    const { credential } = TEST_KEY;
    const record = { credential, algorithm: 'HMAC-256', status: 'active', secrets };
    const verdict = await make({ keys: { find: async () => record } }).verify(
      signedRequest({ now }),
    );
    expect(verdict.verdict).toBe('accepted');
  });
});
