import { createVerifier, memoryNonceStore, type NonceStore } from '@countersign/server';
import { createPolicy } from '@countersign/server/policy';
import { type SignedRequestOptions, signedRequest } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { everything, keys, outcome } from './policy-rig.js';
import { type Rig, type RigOptions, startRig } from './wire.js';

describe('skew', () => {
  const NOW = Date.UTC(2020, 0, 1, 12, 0, 30);
  const now = () => NOW;
  const dated = (rig: Rig, seconds: number) => outcome(rig, { now: () => NOW + seconds * 1000 });

  it('is that of the rule if it is narrower, both ends included', async () => {
    const rig = await startRig({ ...everything({ skew: 60 }), now });
    for (const seconds of [-60, 0, 60]) expect(await dated(rig, seconds), `${seconds}`).toBe(200);
    expect(await dated(rig, -61)).toBe('date_expired');
    expect(await dated(rig, 61)).toBe('date_in_future');
  });

  it('is never wider than that of the verifier', async () => {
    const rig = await startRig({ ...everything({ skew: 3600 }), now, skew: 100 });
    expect(await dated(rig, -100)).toBe(200);
    expect(await dated(rig, -101)).toBe('date_expired');
    expect(await dated(rig, 101)).toBe('date_in_future');
  });

  it('is looked at again after the body, and the nonce is kept as long as ever', async () => {
    let clock = NOW;
    const store = memoryNonceStore({ start: 'fresh', now });
    const claims: number[] = [];
    const nonces: NonceStore = {
      skew: store.skew,
      claim(credential, nonce, expiresAt, date) {
        claims.push(expiresAt - (date ?? 0));
        return store.claim(credential, nonce, expiresAt, date);
      },
    };
    const options = { keys, nonces, hosts: ['api.example.com'], now: () => clock };
    const policy = createPolicy({ routes: ['* /**'], skew: 60 });
    const verifier = createVerifier({ ...options, policy });
    const late = async (seconds: number) => {
      clock = NOW;
      const view = signedRequest({ method: 'POST', body: 'abc', now });
      const read = () => {
        clock = NOW + seconds * 1000;
        return Buffer.from('abc');
      };
      const verdict = await verifier.verify({ ...view, body: { read } });
      return verdict.verdict === 'refused' ? verdict.code : verdict.verdict;
    };
    expect(await late(60)).toBe('accepted');
    expect(await late(61)).toBe('date_expired');
    expect(claims).toEqual([300]);
  });
});

describe('the size of a body', () => {
  const post = (bytes: number, more: SignedRequestOptions = {}) => ({
    ...{ method: 'POST', body: Buffer.alloc(bytes, 'a'), ...more },
  });
  const chunked = { headers: { 'Transfer-Encoding': 'chunked' } };

  it('is limited by the rule if that is less than the verifier allows', async () => {
    for (const body of ['buffer', 'stream'] as const) {
      const rules = { ...everything({ maxBodyBytes: 100 }), body, maxBodyBytes: 200 };
      const handler: RigOptions['handler'] = async (request, response) => {
        await request
          .resume()
          .toArray()
          .catch(() => {});
        response.end();
      };
      const rig = await startRig({ ...rules, handler });
      expect(await outcome(rig, post(100))).toBe(200);
      expect(await outcome(rig, post(101))).toBe('body_too_large');
      if (body === 'buffer') expect(await outcome(rig, post(101, chunked))).toBe('body_too_large');
    }
    const wide = await startRig({ ...everything({ maxBodyBytes: 2 ** 40 }), maxBodyBytes: 200 });
    expect(await outcome(wide, post(200))).toBe(200);
    expect(await outcome(wide, post(201))).toBe('body_too_large');
    const none = await startRig(everything({ maxBodyBytes: 0 }));
    expect(await outcome(none, post(0))).toBe(200);
    expect(await outcome(none, post(1))).toBe('body_too_large');
  });
});
