import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { TEST_KEY, TEST_KEY_ENTRY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { fixedSigner, NOW, ORIGIN } from './fixed-signer.js';

const verifierAt = (now: number) =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh', now: () => now }),
    hosts: ['api.example.com'],
    presigned: true,
    now: () => now,
  });
const get = (url: string, method = 'GET') => ({
  method,
  target: url.slice(ORIGIN.length),
  headers: ['Host', 'api.example.com'],
});

describe('presign', () => {
  it('gives the URL of the worked example', () => {
    const url = fixedSigner().presign(`${ORIGIN}/v1/invoices/7.pdf?download=1`, {
      expiresIn: 3600,
    });
    expect(url).toBe(
      `${ORIGIN}/v1/invoices/7.pdf?download=1&X-Hmac-Credential=orders-service&X-Hmac-Date=20200101T120030Z&X-Hmac-Expires=3600&X-Hmac-Signature=arLYe7YbapIBob00bxQ8b_oZ6CB4qDBc5IYGIhI14NI`,
    );
  });

  it('is accepted as often as wanted until it expires, with GET and HEAD', async () => {
    const url = fixedSigner().presign(`${ORIGIN}/a?b=2&a=1`, { expiresIn: 60 });
    const verdicts = [];
    for (const [seconds, method] of [
      [0, 'GET'],
      [0, 'GET'],
      [0, 'HEAD'],
      [60, 'GET'],
      [61, 'GET'],
    ] as const) {
      const verdict = await verifierAt(NOW + seconds * 1000).verify(get(url, method));
      verdicts.push(verdict.verdict === 'refused' ? verdict.code : verdict.verdict);
    }
    expect(verdicts).toEqual(['accepted', 'accepted', 'accepted', 'accepted', 'date_expired']);
  });

  it('is accepted once where it is single-use', async () => {
    const url = createSigner({ ...TEST_KEY, now: () => NOW }).presign(ORIGIN, {
      expiresIn: 60,
      singleUse: true,
    });
    const verifier = verifierAt(NOW);
    const verdicts = [await verifier.verify(get(url)), await verifier.verify(get(url))];
    expect(verdicts.map((one) => ('code' in one ? one.code : one.verdict))).toEqual([
      'accepted',
      'nonce_replayed',
    ]);
  });

  it('signs with the algorithm of the key, and a new nonce each time', () => {
    const signer = createSigner({ ...TEST_KEY, algorithm: 'HMAC-512' });
    const options = { expiresIn: 604_800, singleUse: true };
    const urls = [signer.presign(ORIGIN, options), signer.presign(new URL(ORIGIN), options)];
    expect(urls[0]).toMatch(/^https:\/\/api\.example\.com\/\?.*&X-Hmac-Signature=[\w-]{86}$/);
    expect(urls[0]).not.toBe(urls[1]);
  });

  it.each([
    [0, /^expiresIn: /],
    [604_801, /^expiresIn: /],
    [1.5, /^expiresIn: /],
    ['60', /^expiresIn: /],
    [undefined, /^expiresIn: /],
  ])('refuses to expire in %s', (expiresIn, message) => {
    expect(() => fixedSigner().presign(ORIGIN, { expiresIn: expiresIn as number })).toThrow(
      message,
    );
  });

  it.each([
    ['/a/../b', /^url: /],
    ['/?x-hmac-date=1', /^url: it has X-Hmac- parameters/],
    [`/${'a'.repeat(8_100)}`, /^url: /],
  ])('refuses %s', (path, message) => {
    expect(() => fixedSigner().presign(ORIGIN + path, { expiresIn: 60 })).toThrow(message);
  });

  it('refuses a singleUse that is neither true nor false', () => {
    const options = { expiresIn: 60, singleUse: 1 as unknown as boolean };
    expect(() => fixedSigner().presign(ORIGIN, options)).toThrow(/^singleUse: /);
  });
});
