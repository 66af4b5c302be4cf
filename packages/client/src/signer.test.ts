import { createHmac } from 'node:crypto';
import { formatContentDigest, parseAuthorization } from '@countersign/core';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import type { SignableBody } from './request-body.js';
import { createSigner, type HeadersInput, type RequestToSign } from './signer.js';
import type { SignerOptions } from './signer-options.js';

const NOW = Date.UTC(2020, 0, 1, 12, 0, 30);
const DATE = 'Wed, 01 Jan 2020 12:00:30 GMT';
const ORIGIN = 'https://api.example.com';
const fixed = (options: Partial<SignerOptions> = {}) =>
  createSigner({ ...TEST_KEY, now: () => NOW, nonce: () => 'AAAAAAAAAAAAAAAAAAAAAA', ...options });
const explain = (request: Partial<RequestToSign>, options: Partial<SignerOptions> = {}) =>
  fixed(options).explain({ url: `${ORIGIN}/`, ...request });
const sign = (request: Partial<RequestToSign>, options: Partial<SignerOptions> = {}) =>
  fixed(options).sign({ url: `${ORIGIN}/`, ...request });

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

describe('body', () => {
  const euro = new Uint8Array([0xe2, 0x82, 0xac]);
  const middle = new Uint8Array([0, 0xe2, 0x82, 0xac, 0]).subarray(1, 4);
  it.each<readonly [string, SignableBody]>([
    ['a string, as UTF-8', '€'],
    ['a Uint8Array', euro],
    ['a Buffer', Buffer.from('€')],
    ['a view of a part of a buffer', middle],
    ['an ArrayBuffer', euro.buffer],
  ])('of %s', (_, body) => {
    const headers = sign({ method: 'POST', body });
    expect(headers['Content-Digest']).toBe(formatContentDigest(euro));
    expect(headers['Content-Type']).toBeUndefined();
  });

  it('of URLSearchParams, with the type that fetch gives them', () => {
    const body = new URLSearchParams([
      ['a', 'b c'],
      ['é', '&'],
    ]);
    const { headers, stringToSign } = explain({ method: 'POST', body });
    expect(headers['Content-Digest']).toBe(formatContentDigest('a=b+c&%C3%A9=%26'));
    expect(headers['Content-Type']).toBe('application/x-www-form-urlencoded;charset=UTF-8');
    expect(stringToSign).toContain(
      '\ncontent-type: application/x-www-form-urlencoded;charset=UTF-8\n',
    );
  });

  it('of URLSearchParams, with the type of the caller', () => {
    const body = new URLSearchParams({ a: '1' });
    const headers = { 'content-TYPE': 'application/x-www-form-urlencoded' };
    const explained = explain({ method: 'POST', body, headers });
    expect(explained.headers).not.toHaveProperty('Content-Type');
    expect(explained.stringToSign).toContain('\ncontent-type: application/x-www-form-urlencoded\n');
  });

  it.each(['POST', 'PUT', 'PATCH'])('%s without one has the digest of nothing', (method) => {
    for (const body of [undefined, null, '', new Uint8Array(0)]) {
      const { headers, signedHeaders } = explain({ method, body });
      expect(headers['Content-Digest']).toBe(
        'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
      );
      expect(signedHeaders).toContain('content-digest');
    }
  });

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'post'])(
    '%s has a digest only with one',
    (method) => {
      expect(sign({ method })).not.toHaveProperty('Content-Digest');
      expect(sign({ method, body: '' })).not.toHaveProperty('Content-Digest');
      expect(sign({ method, body: 'x' })).toHaveProperty(
        'Content-Digest',
        formatContentDigest('x'),
      );
    },
  );

  it.each<readonly [string, unknown, string]>([
    ['a Blob', new Blob(['x']), 'got Blob'],
    ['FormData', new FormData(), 'got FormData'],
    ['a stream', new ReadableStream(), 'got ReadableStream'],
    ['an object', { a: 1 }, 'got Object'],
    ['an object without prototype', Object.create(null), 'got an object'],
    ['a list', [1], 'got Array'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'got DataView'],
    ['a Uint16Array', new Uint16Array(1), 'got Uint16Array'],
    ['a number', 7, 'got a number'],
    ['zero', 0, 'got a number'],
    ['false', false, 'got a boolean'],
    ['a function', () => 'x', 'got a function'],
  ])('of %s is refused with words', (_, body, words) => {
    const attempt = () => sign({ method: 'POST', body: body as SignableBody });
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(/^body: expected a string, Uint8Array, ArrayBuffer or URLSearchParams/);
    expect(attempt).toThrow(words);
  });
});

describe('digest instead of a body', () => {
  const digest = formatContentDigest('x', 'sha-512');

  it('is sent and signed as given', () => {
    const { headers, stringToSign } = explain({ method: 'POST', digest });
    expect(headers['Content-Digest']).toBe(digest);
    expect(stringToSign).toContain(`\ncontent-digest: ${digest}\n`);
  });

  it('is refused along with a body', () => {
    expect(() => sign({ digest, body: '' })).toThrow(/^digest: give either/);
  });

  it.each([null, 7, '', 'x', 'md5=:AAAA:', 'sha-256=:AAAA:', `${digest}\r\nx: y`])(
    '%o is refused',
    (bad) => {
      const attempt = () => sign({ digest: bad as string });
      expect(attempt).toThrow(TypeError);
      expect(attempt).toThrow(/^digest: /);
    },
  );
});

describe('headers', () => {
  const shapes: readonly (readonly [string, (name: string) => HeadersInput])[] = [
    ['a record', (name) => ({ [name]: 'x' })],
    ['pairs', (name) => [[name, 'x']]],
    ['Headers', (name) => new Headers([[name, 'x']])],
    ['a Map', (name) => new Map([[name, 'x']])],
    [
      'a generator',
      function* (name) {
        yield [name, 'x'] as const;
      },
    ],
  ];
  const OWN = ['Authorization', 'Date', 'X-Date', 'X-Nonce', 'Content-Digest'];

  it.each(shapes)('the signer cannot be replaced by %s', (_, shape) => {
    for (const name of OWN) {
      for (const spelling of [
        name,
        name.toLowerCase(),
        name.toUpperCase(),
        name.replace('t', 'T'),
      ]) {
        const attempt = () => sign({ headers: shape(spelling) });
        expect(attempt).toThrow(TypeError);
        expect(attempt).toThrow(`headers: ${name.toLowerCase()} is set by the signer`);
      }
    }
  });

  it.each(shapes)('of all kinds are read from %s', (_, shape) => {
    const { stringToSign } = explain(
      { headers: shape('X-Tenant') },
      { signedHeaders: ['x-tenant'] },
    );
    expect(stringToSign).toContain('\nx-tenant: x\n');
  });

  it.each([
    'Content-Type',
    'Content-Encoding',
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
  ])('%s is signed if it is there', (name) => {
    const lower = name.toLowerCase();
    expect(explain({}).signedHeaders).not.toContain(lower);
    const { signedHeaders, stringToSign } = explain({ headers: { [name]: ' V a \t' } });
    expect(signedHeaders).toContain(lower);
    expect(stringToSign).toContain(`\n${lower}: V a\n`);
  });

  it('of an empty value are signed, with the space', () => {
    expect(explain({ headers: { 'Content-Type': '' } }).stringToSign).toContain(
      '\ncontent-type: \n',
    );
  });

  it('are left unsigned otherwise', () => {
    const { headers, signedHeaders } = explain({ headers: { Accept: '*/*', 'x-note': 'é' } });
    expect(signedHeaders).toEqual(['date', 'host', 'x-nonce']);
    expect(headers).not.toHaveProperty('Accept');
  });

  it('are signed where the options ask for it, once, and in order', () => {
    const options = { signedHeaders: ['X-Tenant', 'accept', 'x-tenant', 'Host', 'date'] };
    const { signedHeaders, headers } = explain(
      { headers: { 'X-TENANT': 'a', Accept: 'b' } },
      options,
    );
    expect(signedHeaders).toEqual(['accept', 'date', 'host', 'x-nonce', 'x-tenant']);
    expect(parseAuthorization(headers.Authorization as string)).toMatchObject({ signedHeaders });
  });

  it('that are to be signed must be there', () => {
    expect(() => sign({}, { signedHeaders: ['x-tenant'] })).toThrow(/^headers: x-tenant /);
  });

  it('named like what objects inherit are ordinary', () => {
    const headers = [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ] as const;
    const options = { signedHeaders: ['__proto__', 'constructor'] };
    expect(explain({ headers }, options).signedHeaders).toEqual([
      ...['__proto__', 'constructor', 'date', 'host', 'x-nonce'],
    ]);
    expect(() => sign({}, options)).toThrow(/^headers: __proto__ /);
  });

  it('given twice are refused where they matter', () => {
    const twice = (name: string) =>
      [
        [name, 'a'],
        [name.toUpperCase(), 'a'],
      ] as const;
    for (const name of ['content-type', 'content-encoding', 'content-length', 'x-http-method']) {
      expect(() => sign({ headers: twice(name) })).toThrow(
        new TypeError(`headers: ${name} is given more than once`),
      );
    }
    expect(() => sign({ headers: twice('x-tenant') }, { signedHeaders: ['x-tenant'] })).toThrow(
      /^headers: x-tenant /,
    );
    expect(explain({ headers: twice('accept') }).signedHeaders).not.toContain('accept');
  });

  it.each(['é', 'a\r\nb: c', 'a\n', '\0', '\x7f'])('of the value %o cannot be signed', (value) => {
    const attempt = () => sign({ headers: { 'x-tenant': value } }, { signedHeaders: ['x-tenant'] });
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(/^headers: x-tenant /);
  });

  it.each<readonly [string, unknown]>([
    ['a name with a space', { 'a b': 'x' }],
    ['an empty name', { '': 'x' }],
    ['a name with a line break', { 'a\r\nb': 'x' }],
    ['a number', { 'x-a': 7 }],
    ['a list', { 'x-a': ['1', '2'] }],
    ['undefined', { 'x-a': undefined }],
    ['a pair without a value', [['x-a']]],
    ['null', null],
    ['text', 'x-a: b'],
  ])('that are not fields are refused: %s', (_, headers) => {
    expect(() => sign({ headers: headers as HeadersInput })).toThrow(TypeError);
  });

  it('may have a Host, but no other than that of the URL', () => {
    for (const host of ['api.example.com', 'API.example.com:443', 'api.example.com:80']) {
      expect(explain({ headers: { Host: host } }).stringToSign).toContain(
        '\nhost: api.example.com\n',
      );
    }
    for (const host of [
      'evil.example',
      'api.example.com:8443',
      'api.example.com, evil.example',
      '',
    ]) {
      expect(() => sign({ headers: { hOST: host } })).toThrow(/^headers: host differs/);
    }
    expect(() =>
      sign({
        headers: [
          ['host', 'api.example.com'],
          ['Host', 'api.example.com'],
        ],
      }),
    ).toThrow(/^headers: host is given more than once/);
  });

  it('cannot be more than 32 that are signed', () => {
    const names = Array.from({ length: 30 }, (_, i) => `x-${i}`);
    const headers = Object.fromEntries(names.map((name) => [name, 'v']));
    const attempt = (count: number) => sign({ headers }, { signedHeaders: names.slice(0, count) });
    expect(parseAuthorization(attempt(29).Authorization as string)).toMatchObject({
      algorithm: 'HMAC-256',
    });
    expect(() => attempt(30)).toThrow(/^headers: more than 32/);
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
    const signer = fixed({ now: () => now });
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
    const signer = fixed({ nonce: () => `nonce-number-${++calls}-padding` });
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
