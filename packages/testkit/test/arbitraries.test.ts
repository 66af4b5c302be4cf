import { CREDENTIAL, canonicalTarget, FIELD_VALUE, isNonce, Refusal } from '@countersign/core';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import {
  credentials,
  headerOf,
  headerValues,
  hostileTargets,
  nonces,
  requests,
  signedRequest,
  targets,
} from '@countersign/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('arbitraries', () => {
  it('credentials and nonces have their form', () => {
    fc.assert(fc.property(credentials(), (credential) => CREDENTIAL.test(credential)));
    fc.assert(fc.property(nonces(), (nonce) => isNonce(nonce)));
  });

  it('credentials and nonces come in every length', () => {
    const longest = (values: readonly string[]) => Math.max(...values.map(({ length }) => length));
    expect(longest(fc.sample(credentials(), 500))).toBe(128);
    expect(longest(fc.sample(nonces(), 500))).toBeGreaterThan(100);
    expect(Math.min(...fc.sample(nonces(), 500).map(({ length }) => length))).toBeLessThan(25);
  });

  it('targets have a canonical form, which is its own', () => {
    fc.assert(
      fc.property(targets(), (target) => {
        const canonical = canonicalTarget(target);
        expect(canonical).toBeTypeOf('string');
        expect(canonicalTarget(canonical as string)).toBe(canonical);
      }),
      { numRuns: 2_000 },
    );
  });

  it('targets are often not canonical as they are', () => {
    const sample = fc.sample(targets(), 500);
    const changed = sample.filter((target) => canonicalTarget(target) !== target);
    expect(changed.length).toBeGreaterThan(100);
    expect(changed.length).toBeLessThan(500);
  });

  it('hostile targets have none', () => {
    fc.assert(
      fc.property(hostileTargets(), (target) => {
        const refused = canonicalTarget(target);
        expect(refused).toBeInstanceOf(Refusal);
        expect((refused as Refusal).code).toMatch(/^target_(malformed|too_long)$/);
      }),
      { numRuns: 5_000 },
    );
  });

  it('header values can be signed', () => {
    fc.assert(fc.property(headerValues(), (value) => FIELD_VALUE.test(value)));
  });

  it('requests are signed and accepted', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), async (request) => {
        const view = signedRequest(request);
        const { credential = '', algorithm = 'HMAC-256', secret = '' } = request;
        const verifier = createVerifier({
          keys: staticKeys([{ credential, algorithm, secrets: [{ secret }] }]),
          nonces: memoryNonceStore({ start: 'fresh' }),
          hosts: [headerOf(view, 'host') as string],
        });
        expect(await verifier.verify(view)).toMatchObject({
          verdict: 'accepted',
          identity: { credential },
          body: view.body ?? new Uint8Array(0),
        });
      }),
    );
  });
});
