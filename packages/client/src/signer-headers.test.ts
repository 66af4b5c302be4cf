import { parseAuthorization } from '@countersign/core';
import { describe, expect, it } from 'vitest';
import { explain, sign } from '../test/fixed-signer.js';
import type { HeadersInput } from './signer.js';

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
