import { createSigner } from '@countersign/client';
import {
  headerOf,
  type SignedRequestView,
  signedRequest,
  TEST_KEY,
  withAddedHeader,
  withHeader,
  withoutHeader,
} from '@countersign/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { about, outcome } from './forward-auth-asking.js';
import { startEndpoint, verifierOf } from './forward-auth-rig.js';

let refusing: number;
let upstream: number;
beforeAll(async () => {
  refusing = await startEndpoint();
  upstream = await startEndpoint({
    bodyCheck: 'upstream',
    verifier: verifierOf({ maxBodyBytes: 1000, presigned: true }),
  });
});

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE'];
const LENGTH = 'x-original-content-length';
const CODING = 'x-original-transfer-encoding';
const JSON_TYPE = { 'Content-Type': 'application/json' };
const chunked = { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' };
const get = () => about(signedRequest());

describe('a request with a body', () => {
  it.each(METHODS)(
    'by %s is refused, whatever its digest, unless the service checks',
    async (method) => {
      for (const view of [
        signedRequest({ method, body: '{}', headers: JSON_TYPE }),
        signedRequest({ method, body: '{}', headers: chunked }),
        signedRequest({ method, headers: { 'Transfer-Encoding': 'chunked' } }),
      ]) {
        expect(await outcome(refusing, about(view))).toBe('403 body_not_checked');
      }
    },
  );

  it.each(METHODS)(
    'by %s passes if its digest is signed and the service checks',
    async (method) => {
      for (const headers of [JSON_TYPE, chunked]) {
        const view = signedRequest({ method, body: '{}', headers });
        expect(await outcome(upstream, about(view))).toBe('200');
        expect(await outcome(upstream, about(view))).toBe('401 nonce_replayed');
        const other = `sha-256=:${'A'.repeat(43)}=:`;
        const altered = withHeader(
          signedRequest({ method, body: '{}', headers }),
          'content-digest',
          other,
        );
        expect(await outcome(upstream, about(altered))).toBe('401 credential_rejected');
        const removed = withoutHeader(
          signedRequest({ method, body: '{}', headers }),
          'content-digest',
        );
        expect(await outcome(upstream, about(removed))).toMatch(/^401 (digest|header)_missing$/);
      }
    },
  );

  it('may not be larger than the verifier takes, as far as the header tells', async () => {
    const view = (size: number) =>
      about(signedRequest({ method: 'PUT', body: new Uint8Array(size) }));
    expect(await outcome(upstream, view(1000))).toBe('200');
    expect(await outcome(upstream, view(1001))).toBe('403 body_too_large');
    const endless = withHeader(view(1000), LENGTH, `cl=${'9'.repeat(40)}`);
    expect(await outcome(upstream, endless)).toBe('403 body_too_large');
  });

  it('must have a digest that can be compared', async () => {
    for (const digest of ['sha-256=:AAAA:', 'md5=:AAAA:', 'none', 'sha-256=::']) {
      const view = withAddedHeader(get(), 'Content-Digest', digest);
      expect(await outcome(upstream, view), digest).toBe('401 digest_malformed');
    }
  });
});

describe('a captured request without a body', () => {
  const framings: [string, Record<string, string>][] = [
    ['a length', { [LENGTH]: 'cl=5' }],
    ['a length with zeros in front', { [LENGTH]: 'cl=0005' }],
    ['a length of one', { [LENGTH]: 'cl=1' }],
    ['a chunked body', { [CODING]: 'te=chunked' }],
    ['a chunked body in capitals', { [CODING]: 'te=CHUNKED' }],
    ['a body of zeros', { [LENGTH]: 'cl=0', [CODING]: 'te=chunked' }],
    ['both', { [LENGTH]: 'cl=5', [CODING]: 'te=chunked' }],
    ['another coding', { [CODING]: 'te=gzip' }],
    ['two codings', { [CODING]: 'te=gzip, chunked' }],
    ['chunked twice', { [CODING]: 'te=chunked, chunked' }],
    ['a coding in quotes', { [CODING]: 'te="chunked"' }],
    ['identity', { [CODING]: 'te=identity' }],
    ['a vertical tab before the coding', { [CODING]: 'te=\x0bchunked' }],
    ['two lengths', { [LENGTH]: 'cl=0, 5' }],
    ['a signed length', { [LENGTH]: 'cl=+5' }],
    ['a negative length', { [LENGTH]: 'cl=-1' }],
    ['a length in hex', { [LENGTH]: 'cl=0x5' }],
    ['a length with an exponent', { [LENGTH]: 'cl=5e0' }],
    ['a length of words', { [LENGTH]: 'cl=five' }],
    ['a comma', { [LENGTH]: 'cl=,' }],
    ['another prefix within', { [LENGTH]: 'cl=cl=0' }],
  ];

  it.each(framings)('gets none: %s', async (_, framing) => {
    const attached = Object.entries(framing).reduce<SignedRequestView>(
      (view, [name, value]) => withHeader(view, name, value),
      get(),
    );
    for (const port of [refusing, upstream]) {
      // Node's parser takes no control characters.
      expect(await outcome(port, attached).catch(() => '400')).toMatch(/^40[013]\b/);
    }
  });

  it('gets none by a digest that nobody signed', async () => {
    const digest = headerOf(signedRequest({ method: 'POST', body: 'hello' }), 'content-digest');
    const attached = withHeader(
      withAddedHeader(get(), 'Content-Digest', digest as string),
      LENGTH,
      'cl=5',
    );
    expect(await outcome(upstream, attached)).toBe('401 header_unsigned');
  });

  it('still passes as it was sent', async () => {
    for (const port of [refusing, upstream]) {
      expect(await outcome(port, get())).toBe('200');
      for (const length of ['cl=0', 'cl=00']) {
        expect(await outcome(port, withHeader(get(), LENGTH, length))).toBe('200');
      }
    }
  });

  it('is not a captured one whose body was taken away', async () => {
    for (const port of [refusing, upstream]) {
      for (const length of ['cl=', 'cl=0']) {
        const view = about(signedRequest({ method: 'POST', body: 'hello' }));
        expect(await outcome(port, withHeader(view, LENGTH, length))).toBe('401 digest_mismatch');
      }
    }
  });
});

describe('an empty body that is signed', () => {
  it('is none', async () => {
    for (const method of ['POST', 'PUT', 'PATCH']) {
      const view = about(signedRequest({ method }));
      expect(headerOf(view, LENGTH)).toBe('cl=0');
      expect(headerOf(view, 'content-digest')).toBeDefined();
      expect(await outcome(refusing, view)).toBe('200');
      expect(await outcome(upstream, about(signedRequest({ method, body: '' })))).toBe('200');
    }
  });

  it('is for the service to find, where it is chunked', async () => {
    const view = signedRequest({ method: 'POST', body: '', headers: chunked });
    expect(await outcome(upstream, about(view))).toBe('200');
  });
});

describe('the subrequest itself', () => {
  it('has no body', async () => {
    const length = withAddedHeader(get(), 'Content-Length', '5');
    expect(await outcome(upstream, { ...length, body: Buffer.from('hello') })).toBe(
      '403 subrequest_body',
    );
    const coding = withAddedHeader(get(), 'Transfer-Encoding', 'chunked');
    for (const body of [undefined, Buffer.from('hello')]) {
      expect(await outcome(upstream, { ...coding, body })).toBe('403 subrequest_body');
    }
    expect(await outcome(upstream, withAddedHeader(get(), 'Content-Length', '0'))).toBe('200');
    expect(await outcome(upstream, withAddedHeader(get(), 'Content-Length', '00'))).toBe(
      '403 subrequest_body',
    );
  });

  it('cannot hide a second one', async () => {
    const text = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const hidden = withAddedHeader(get(), 'Content-Length', `${text.length}`);
    expect(await outcome(upstream, { ...hidden, body: text })).toBe('403 subrequest_body');
  });
});

describe('a presigned URL', () => {
  it('takes no body, and is nothing where presigned URLs are not taken', async () => {
    const url = createSigner(TEST_KEY).presign('https://api.example.com/a', { expiresIn: 60 });
    const opened = about({
      method: 'GET',
      target: url.slice(url.indexOf('/a?')),
      headers: ['Host', 'api.example.com'],
    });
    expect(await outcome(upstream, opened)).toBe('200');
    expect(await outcome(upstream, withHeader(opened, LENGTH, 'cl=5'))).toBe('401 header_unsigned');
    expect(await outcome(refusing, opened)).toBe('401 authorization_missing');
  });
});
