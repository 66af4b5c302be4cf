import { createHmac } from 'node:crypto';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { DATE, explain, fixedSigner, NOW, ORIGIN, sign } from '../test/fixed-signer.js';
import { createSigner } from './signer.js';

describe('the worked examples', () => {
  it('POST, to the byte', () => {
    const { headers, canonicalTarget, signedHeaders, stringToSign } = explain(
      {
        method: 'POST',
        url: 'https://API.example.com:443/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9',
        headers: { 'Content-Type': 'application/json' },
        body: '{"sku":"A-1","qty":2}',
      },
      { nonce: () => '4fA9sGdR2l3n0QwErTy8uA' },
    );
    expect(headers).toEqual({
      Date: DATE,
      'X-Nonce': '4fA9sGdR2l3n0QwErTy8uA',
      'Content-Digest': 'sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:',
      Authorization:
        'HMAC-256 Credential=orders-service,SignedHeaders=content-digest;content-type;date;host;x-nonce,Signature=Wbnr4FycH4qrimxeaMV+q91dne9JsVaTUxeE0+M4E70=',
    });
    expect(canonicalTarget).toBe('/v1/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a');
    expect(signedHeaders).toEqual(['content-digest', 'content-type', 'date', 'host', 'x-nonce']);
    expect(stringToSign).toBe(
      [
        'HMAC-256',
        'orders-service',
        'POST',
        '/v1/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a',
        'content-digest: sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:',
        'content-type: application/json',
        'date: Wed, 01 Jan 2020 12:00:30 GMT',
        'host: api.example.com',
        'x-nonce: 4fA9sGdR2l3n0QwErTy8uA',
        '',
      ].join('\n'),
    );
  });

  it('GET, to the byte', () => {
    expect(sign({})).toEqual({
      Date: DATE,
      'X-Nonce': 'AAAAAAAAAAAAAAAAAAAAAA',
      Authorization:
        'HMAC-256 Credential=orders-service,SignedHeaders=date;host;x-nonce,Signature=f4CAccSKFrrTJ34OULkmiEhBllq5xePMlMdHOaApjcM=',
    });
  });

  it('HMAC-512 is the other hash over the same lines', () => {
    const { headers, stringToSign } = explain({}, { algorithm: 'HMAC-512' });
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const mac = createHmac('sha512', key).update(stringToSign).digest('base64');
    expect(stringToSign.split('\n')[0]).toBe('HMAC-512');
    expect(headers.Authorization).toBe(
      `HMAC-512 Credential=orders-service,SignedHeaders=date;host;x-nonce,Signature=${mac}`,
    );
    expect(mac).toHaveLength(88);
  });
});

describe('date and nonce', () => {
  it('X-Date stands for Date where that cannot be set', () => {
    const { headers, signedHeaders } = explain({}, { dateHeader: 'x-date' });
    expect(headers['X-Date']).toBe(DATE);
    expect(headers).not.toHaveProperty('Date');
    expect(signedHeaders).toEqual(['host', 'x-date', 'x-nonce']);
  });

  it('the date is the present second, cut and not rounded', () => {
    let now = NOW + 999;
    const signer = fixedSigner({ now: () => now });
    const date = () => signer.sign({ url: ORIGIN }).Date;
    expect(date()).toBe(DATE);
    now += 1;
    expect(date()).toBe('Wed, 01 Jan 2020 12:00:31 GMT');
    now -= 1000;
    expect(date()).toBe(DATE);
  });

  it('without a clock of the caller it is the real time', () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const date = Date.parse(createSigner(TEST_KEY).sign({ url: ORIGIN }).Date as string);
    expect(date).toBeGreaterThanOrEqual(before);
    expect(date).toBeLessThanOrEqual(Date.now());
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, 'x', -1e15, 1e15])(
    'a clock that says %s is refused by name',
    (value) => {
      const attempt = () => sign({}, { now: () => value as number });
      expect(attempt).toThrow(/^now: /);
    },
  );

  it('the nonce is new every time: 128 bits as base64url', () => {
    const signer = createSigner(TEST_KEY);
    const nonces = Array.from({ length: 2_000 }, () => signer.sign({ url: ORIGIN })['X-Nonce']);
    expect(new Set(nonces).size).toBe(2_000);
    for (const nonce of nonces) expect(nonce).toMatch(/^[A-Za-z0-9_-]{21}[AQgw]$/);
  });

  it.each([
    '',
    'short',
    'x'.repeat(15),
    'x'.repeat(129),
    'x'.repeat(21).concat('='),
    `${'x'.repeat(22)}\n`,
    7,
    undefined,
  ])('a nonce of the caller must have the form: %o', (nonce) => {
    const attempt = () => sign({}, { nonce: () => nonce as string });
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(/^nonce: /);
  });

  it('the nonce of the caller is asked for anew at every call', () => {
    let calls = 0;
    const signer = fixedSigner({ nonce: () => `nonce-number-${++calls}-padding` });
    expect(signer.sign({ url: ORIGIN })['X-Nonce']).toBe('nonce-number-1-padding');
    expect(signer.explain({ url: ORIGIN }).headers['X-Nonce']).toBe('nonce-number-2-padding');
  });
});

describe('method', () => {
  it('is signed in the case it is given in', () => {
    expect(explain({ method: 'patch' }).stringToSign).toContain('\npatch\n');
    expect(explain({ method: 'PATCH' }).stringToSign).toContain('\nPATCH\n');
    expect(explain({}).stringToSign).toContain('\nGET\n');
  });

  it.each(['', 'A B', 'GET\n', 'É', 7, {}])('%o is refused', (method) => {
    expect(() => sign({ method: method as string })).toThrow(/^method: /);
  });
});
