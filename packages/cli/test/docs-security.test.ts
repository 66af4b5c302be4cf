import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSigner, type SignedFetchOptions, signedFetch } from '@countersign/client';
import {
  CREDENTIAL as CREDENTIAL_FORM,
  isNonce,
  MAX_AUTHORIZATION_LENGTH,
  MAX_SIGNED_HEADERS,
  MAX_TARGET_LENGTH,
  MIN_SECRET_BYTES,
  REFUSAL_CODES,
} from '@countersign/core';
import {
  createVerifier,
  memoryNonceStore,
  staticKeys,
  type VerifierOptions,
} from '@countersign/server';
import { describe, expect, it } from 'vitest';
import { ROOT } from './docs-blocks.js';
import { CREDENTIAL, SECRET } from './helpers.js';

const markdown = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');
const table = markdown.slice(markdown.indexOf('\n## Limits\n'));
const rows = [...table.matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$/gm)].map(
  ([, limit = '', value = '', option = '']) => ({ limit, value, option: option.trim() }),
);
const numbersIn = (text: string) =>
  [...text.matchAll(/[0-9][0-9,]*/g)].map(([number]) => Number(number.replaceAll(',', '')));
function row(limit: string) {
  const found = rows.find((each) => each.limit === limit);
  if (found === undefined) throw new Error(`SECURITY.md has no limit "${limit}"`);
  return { ...found, numbers: numbersIn(found.value), range: numbersIn(found.option) };
}

const verifier = (options: Partial<VerifierOptions>) =>
  createVerifier({
    keys: staticKeys([{ credential: CREDENTIAL, secrets: [{ secret: SECRET }] }]),
    nonces: memoryNonceStore({ skew: 3600, start: 'fresh' }),
    hosts: ['api.example.com'],
    ...options,
  });
const caller = (options: Partial<SignedFetchOptions>) =>
  signedFetch(createSigner({ credential: CREDENTIAL, secret: SECRET }), {
    origins: ['https://api.example.com'],
    ...options,
  });

describe('the limits of SECURITY.md', () => {
  it('are those of the protocol', async () => {
    expect(row('Authorization field').numbers).toEqual([MAX_AUTHORIZATION_LENGTH]);
    expect(row('signed header fields').numbers).toEqual([MAX_SIGNED_HEADERS]);
    expect(row('request target').numbers).toEqual([MAX_TARGET_LENGTH]);
    expect(row('secret').numbers).toEqual([MIN_SECRET_BYTES]);
    const [shortest = 0, longest = 0] = row('nonce').numbers;
    const nonces = [shortest - 1, shortest, longest, longest + 1].map((n) =>
      isNonce('n'.repeat(n)),
    );
    expect(nonces).toEqual([false, true, true, false]);
    const [least = 0, most = 0] = row('credential').numbers;
    const names = [least - 1, least, most, most + 1].map((n) =>
      CREDENTIAL_FORM.test('c'.repeat(n)),
    );
    expect(names).toEqual([false, true, true, false]);
    const retries = [
      'key_store_unavailable',
      'nonce_store_unavailable',
      'nonce_store_full',
    ] as const;
    for (const code of retries) {
      expect([REFUSAL_CODES[code].retryAfter]).toEqual(row('Retry-After of a 503').numbers);
    }
  });

  it('count header fields', async () => {
    const [most = 0] = row('header fields').numbers;
    const verify = (count: number, maxHeaders?: number) =>
      verifier({}).verify({
        method: 'GET',
        target: '/',
        headers: Array.from({ length: count }, (_, i) => [`x-${i}`, '']).flat(),
        ...(maxHeaders === undefined ? {} : { maxHeaders }),
      });
    expect(await verify(most)).toMatchObject({ code: 'authorization_missing' });
    expect(await verify(most + 1)).toMatchObject({ code: 'headers_too_many' });
    expect(await verify(49, 50)).toMatchObject({ code: 'authorization_missing' });
    expect(await verify(50, 50)).toMatchObject({ code: 'headers_too_many' });
  });

  it.each([
    { limit: 'skew', option: 'skew', make: (skew: number) => verifier({ skew }) },
    { limit: 'skew', option: 'skew', make: (skew: number) => memoryNonceStore({ skew }) },
    {
      limit: 'body',
      option: 'maxBodyBytes',
      make: (maxBodyBytes: number) => verifier({ maxBodyBytes }),
    },
    {
      limit: 'time to read a body',
      option: 'bodyTimeout',
      make: (bodyTimeout: number) => verifier({ bodyTimeout }),
    },
    {
      limit: 'time a store or a rule may take to answer',
      option: 'storeTimeout',
      make: (storeTimeout: number) => verifier({ storeTimeout }),
    },
    {
      limit: 'live nonces in memory',
      option: 'capacity',
      make: (capacity: number) => memoryNonceStore({ capacity }),
    },
  ])('hold for $option', ({ limit, option, make }) => {
    const { option: cell, range } = row(limit);
    const [least = Number.NaN, most = Number.NaN] = range;
    expect(cell).toContain(`\`${option}\``);
    for (const value of [least, most]) expect(() => make(value)).not.toThrow();
    for (const value of [least - 1, most + 1, Number.NaN]) {
      expect(() => make(value)).toThrow(new RegExp(`^${option}: .* from ${least} to ${most}`));
    }
  });

  it('hold for maxRedirects and hosts', () => {
    const [least = Number.NaN] = row('redirects that a client follows').range;
    expect(() => caller({ maxRedirects: least })).not.toThrow();
    expect(() => caller({ maxRedirects: least - 1 })).toThrow(/^maxRedirects: /);
    expect(row('hosts').value).toBe('at least one');
    expect(() => verifier({ hosts: [] })).toThrow(/^hosts: /);
  });

  it('hold for what a client holds and gives away', async () => {
    const held = 'body that a client holds to sign it, if it is a Blob, a form or a stream';
    for (const [limit, option] of [
      [held, 'maxBodyBytes'],
      ['response that a client holds to check it', 'maxResponseBytes'],
    ] as const) {
      const [least = Number.NaN] = row(limit).range;
      expect(() => caller({ [option]: least })).not.toThrow();
      expect(() => caller({ [option]: least - 1 })).toThrow(new RegExp(`^${option}: `));
    }
    const [most = 0] = row(held).numbers;
    const body = new Blob([new Uint8Array(most + 1)]);
    const sent = caller({})('https://api.example.com/', { method: 'POST', body });
    await expect(sent).rejects.toThrow(`more than ${most} bytes are not held`);
    const [shortest = 0, longest = 0] = row('lifetime of a presigned URL').numbers;
    const signer = createSigner({ credential: CREDENTIAL, secret: SECRET });
    const presign = (expiresIn: number) =>
      signer.presign('https://api.example.com/', { expiresIn });
    for (const seconds of [shortest, longest]) expect(() => presign(seconds)).not.toThrow();
    for (const seconds of [shortest - 1, longest + 1]) {
      expect(() => presign(seconds)).toThrow(/^expiresIn: /);
    }
  });

  it('are the values that are used where none is given', async () => {
    const [skew = 0] = row('skew').numbers;
    const [bytes = 0] = row('body').numbers;
    const [timeout = 0] = row('time to read a body').numbers;
    const now = 1_600_000_000_000;
    const signer = (at: number) =>
      createSigner({ credential: CREDENTIAL, secret: SECRET, now: () => at });
    const verify = (at: number, body?: { read(limits: unknown): Uint8Array }) => {
      const signed = signer(at).sign({ url: 'https://api.example.com/' });
      const headers = ['Host', 'api.example.com', ...Object.entries(signed).flat()];
      return verifier({ now: () => now }).verify({ method: 'GET', target: '/', headers, body });
    };
    expect(await verify(now - skew * 1000)).toMatchObject({ verdict: 'accepted' });
    expect(await verify(now - (skew + 1) * 1000)).toMatchObject({ code: 'date_expired' });
    let limits: unknown;
    await verify(now, {
      read(given) {
        limits = given;
        return new Uint8Array(0);
      },
    });
    expect(limits).toEqual({ mode: 'buffer', maxBytes: bytes, timeout });
    expect(memoryNonceStore().skew).toBe(skew);
  });
});
