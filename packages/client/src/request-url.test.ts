import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { parseRequestUrl } from './request-url.js';
import { createSigner } from './signer.js';

const signer = createSigner(TEST_KEY);

/** The canonical target and the host line of what would be signed. */
function signed(url: string | URL): readonly [target: string, host: string] {
  const { canonicalTarget, stringToSign } = signer.explain({ url });
  return [canonicalTarget, /^host: (.*)$/m.exec(stringToSign)?.[1] ?? ''];
}

describe('the URL of a request', () => {
  it.each<readonly [string, string, string]>([
    ['https://api.example.com', '/', 'api.example.com'],
    ['https://api.example.com/', '/', 'api.example.com'],
    ['HTTPS://API.Example.com/', '/', 'api.example.com'],
    ['http://api.example.com?', '/', 'api.example.com'],
    ['https://api.example.com?b=2&a=1', '/?a=1&b=2', 'api.example.com'],
    ['https://api.example.com#top', '/', 'api.example.com'],
    ['https://api.example.com/a#top?x=1', '/a', 'api.example.com'],
    ['https://api.example.com/a?x=1#top', '/a?x=1', 'api.example.com'],
    ['https://api.example.com/a?to=https://b/c', '/a?to=https://b/c', 'api.example.com'],
    ['https://api.example.com/@me?u=a@b', '/@me?u=a@b', 'api.example.com'],
    ['https://api.example.com:443/', '/', 'api.example.com'],
    ['http://api.example.com:80/', '/', 'api.example.com'],
    ['https://api.example.com:8443/', '/', 'api.example.com:8443'],
    ['http://127.0.0.1:3000/a/', '/a/', '127.0.0.1:3000'],
    ['http://[::1]/', '/', '[::1]'],
    ['http://[::1]:80/', '/', '[::1]'],
    ['https://[2001:DB8::1]:8443/x', '/x', '[2001:db8::1]:8443'],
  ])('%s', (url, target, host) => {
    expect(signed(url)).toEqual([target, host]);
    expect(signed(new URL(url))).toEqual([target, host]);
  });

  it('that is text is signed as it stands, so these are refused and not repaired', () => {
    const refused = [
      ...['/a/../b', '/a/..', '/./a', '/a/%2e%2e/b', '/a//b', '//a', '/a;/..;x', '/a%2F..'],
      ...['/a b', '/é', '/a\tb', '/a\nb', '/a\r\nX: y', '/a\\b', '/%', '/%zz', '/%00', '/%0a'],
      ...['/?a b', '/?é', '/?%', '?%00', '\\a', '/\u{1f600}', `/${'x'.repeat(8192)}`],
    ];
    for (const rest of refused) {
      const attempt = () => signer.sign({ url: `https://api.example.com${rest}` });
      expect(attempt).toThrow(TypeError);
      expect(attempt).toThrow(/^url: /);
    }
  });

  it('that is a URL is signed as the WHATWG parser wrote it', () => {
    const target = (rest: string) => signed(new URL(`https://api.example.com${rest}`))[0];
    expect(target('/a/../b')).toBe('/b');
    expect(target('/a/%2e%2e/b')).toBe('/b');
    expect(target('/a b?c d')).toBe('/a%20b?c%20d');
    expect(target('/é?é')).toBe('/%C3%A9?%C3%A9');
    expect(target('\\a')).toBe('/a');
    expect(() => target('/a//b')).toThrow(/^url: /);
    expect(() => target('/%00')).toThrow(/^url: /);
  });

  it('with user-info is refused, in both forms, without repeating it', () => {
    for (const url of ['https://me:hunter2@api.example.com/', 'https://hunter2@api.example.com']) {
      for (const form of [url, new URL(url)]) {
        expect(() => signer.sign({ url: form })).toThrow(/^url: user-info/);
        expect(() => signer.sign({ url: form })).not.toThrow(/hunter2/);
      }
    }
  });

  it.each([
    ...['', '/', '/v1', 'api.example.com', '//api.example.com/', 'ftp://api.example.com/'],
    ...['https:api.example.com', 'https:/api.example.com', 'https://', 'https:///v1', 'https://?a'],
    ...[' https://api.example.com/', 'javascript:https://api.example.com/', 'file:///etc/passwd'],
    ...['https://a b/', 'https://é.example/', 'https://a%2eb/', 'https://a,b/', 'https://a:b/'],
    ...[
      'https://a:123456/',
      'https://[::1/',
      'https://::1/',
      'https://[::1%25eth0]/',
      'https://a\n/',
    ],
    ...['https://[zz]/', 'https://[1.2.3.4]/', 'https://a:/'],
  ])('%o is refused', (url) => {
    expect(() => signer.sign({ url })).toThrow(TypeError);
    expect(() => signer.sign({ url })).toThrow(/^url: /);
  });

  it.each([undefined, null, 7, {}, { href: 'https://api.example.com/' }])('%o is no URL', (url) => {
    expect(() => parseRequestUrl(url as unknown as URL)).toThrow(/^url: expected an absolute/);
  });

  it('a host beyond ASCII can be given as a URL', () => {
    expect(signed(new URL('https://bücher.example/'))[1]).toBe('xn--bcher-kva.example');
  });

  it('is taken apart and not decoded', () => {
    expect(parseRequestUrl('HTTP://Example.com:80/%7e?b&a#f')).toEqual({
      protocol: 'http:',
      host: 'Example.com:80',
      target: '/%7e?b&a',
    });
  });
});
