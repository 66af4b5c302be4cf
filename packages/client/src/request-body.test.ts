import { formatContentDigest } from '@countersign/core';
import { describe, expect, it } from 'vitest';
import { explain, sign } from '../test/fixed-signer.js';
import type { SignableBody } from './request-body.js';

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
