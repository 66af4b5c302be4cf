import { toHttp1, withTarget } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { resigned } from './resigned.js';
import { expectProblem, type Rig, startRig } from './wire.js';

const body = '{"sku":"A-1","qty":2}';
const text = (rig: Rig, options = {}) => Buffer.from(toHttp1(rig.view(options))).toString('latin1');

describe('targets', () => {
  it.each([
    ['absolute-form', (rig: Rig) => `http://${rig.host}/`],
    ['absolute-form of another host', () => 'http://evil.example/'],
    ['asterisk-form', () => '*'],
    ['two slashes', () => '//'],
    ['two slashes and a host', () => '//evil.example/'],
    ['an empty segment', () => '/a//b'],
    ['a dot segment', () => '/a/../b'],
    ['a single dot', () => '/a/./b'],
    ['an encoded dot segment', () => '/a/%2e%2e/b'],
    ['a half encoded one', () => '/a/.%2E'],
    ['a dot segment with a parameter', () => '/a/..;x/b'],
    ['an encoded slash around dots', () => '/a/..%2fb'],
    ['an encoded backslash around dots', () => '/a%5c..%5cb'],
    ['a fragment', () => '/a#b'],
    ['a backslash', () => '/a\\b'],
    ['a lone percent', () => '/%'],
    ['bad hex', () => '/%zz'],
    ['an encoded NUL', () => '/%00'],
    ['an encoded NUL in the query', () => '/?a=%00'],
    ['an encoded line feed', () => '/%0a'],
  ])('%s is refused', async (_, target) => {
    const rig = await startRig();
    const view = rig.view();
    expectProblem(await rig.send(withTarget(view, target(rig))), 'target_malformed');
    expect(rig.accepted).toHaveLength(0);
    expect((await rig.send(view)).status).toBe(200);
  });

  it.each([
    ['authority-form', (rig: Rig) => rig.host],
    ['CONNECT', (rig: Rig) => rig.host],
    ['an empty target', () => ''],
    ['a raw 8-bit byte', () => '/caf\xe9'],
    ['a space', () => '/a b'],
  ])('%s never reaches the handler', async (name, target) => {
    const rig = await startRig();
    const view = {
      ...withTarget(rig.view(), target(rig)),
      ...(name === 'CONNECT' ? { method: 'CONNECT' } : {}),
    };
    const wire = await rig.open();
    wire.write(view);
    if (name === 'CONNECT') expect(await wire.closed()).toBe('');
    else expect((await wire.reply()).status).toBe(400);
    expect(rig.accepted).toHaveLength(0);
  });

  it('8,192 characters are taken, 8,193 are not', async () => {
    const rig = await startRig({ server: { maxHeaderSize: 1 << 16 } });
    expect((await rig.send(rig.view({ url: `/${'a'.repeat(8_191)}` }))).status).toBe(200);
    expectProblem(
      await rig.send(withTarget(rig.view(), `/${'a'.repeat(8_192)}`)),
      'target_too_long',
    );
  });

  it('the target is verified as sent, not as a mounting router has cut it', async () => {
    const rig = await startRig({
      before: (next) => (request, response) => {
        request.url = '/cut';
        next(request, response);
      },
    });
    expectProblem(await rig.send(rig.view({ url: '/mount/cut' })), 'credential_rejected');
  });
});

describe('versions and methods', () => {
  it('HTTP/1.0 is verified like any other, and its connection closed', async () => {
    const rig = await startRig();
    const request = text(rig).replace('HTTP/1.1', 'HTTP/1.0');
    const wire = await rig.open();
    expect((await wire.write(request).reply()).status).toBe(200);
    expect(await wire.closed()).toBe('');
    expectProblem(await rig.send(request), 'nonce_replayed');
    expectProblem(await rig.send('GET / HTTP/1.0\r\n\r\n'), 'authorization_missing');
  });

  it('a version that HTTP/1 does not have changes nothing that is checked', async () => {
    const rig = await startRig();
    expectProblem(
      await rig.send(`GET / HTTP/2.0\r\nHost: ${rig.host}\r\n\r\n`),
      'authorization_missing',
    );
    const altered = text(rig).replace('GET / HTTP/1.1', 'GET /b HTTP/2.0');
    expectProblem(await rig.send(altered), 'credential_rejected');
    expect(rig.accepted).toHaveLength(0);
  });

  it('the method is signed', async () => {
    const rig = await startRig();
    const request = text(rig, { method: 'POST', body });
    for (const method of ['PUT', 'DELETE', 'M-SEARCH']) {
      expectProblem(await rig.send(request.replace('POST', method)), 'credential_rejected');
    }
    expect((await rig.send(request)).status).toBe(200);
  });

  it('HEAD is answered without a body', async () => {
    const rig = await startRig();
    const wire = await rig.open();
    wire.write(`HEAD / HTTP/1.1\r\nHost: ${rig.host}\r\nConnection: close\r\n\r\n`);
    expect(await wire.closed()).toMatch(/^HTTP\/1\.1 401 .*\r\n\r\n$/s);
  });
});

describe('framing', () => {
  const chunked = `\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

  it.each([
    ['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: gzip, chunked'],
    ['Transfer-Encoding: chunked;q=1', 'Transfer-Encoding: chunked;q=1'],
    ['Transfer-Encoding: identity', 'Transfer-Encoding: identity'],
    ['Transfer-Encoding: xchunked', 'Transfer-Encoding: xchunked'],
    ['Content-Length and Transfer-Encoding', 'Content-Length: 21\r\nTransfer-Encoding: chunked'],
    ['Transfer-Encoding and Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: 21'],
    ['a sign in Content-Length', 'Content-Length: +21'],
    ['a list in Content-Length', 'Content-Length: 21, 21'],
    ['hex in Content-Length', 'Content-Length: 0x15'],
  ])('%s is refused with header_malformed', async (_, line) => {
    const rig = await startRig();
    const request = text(rig, { method: 'POST', body });
    const reply = await rig.send(
      request.replace('Content-Length: 21', line).replace(`\r\n${body}`, chunked),
    );
    expectProblem(reply, 'header_malformed');
    expect(rig.accepted).toHaveLength(0);
    expect((await rig.send(request)).status).toBe(200);
  });

  it.each([
    ['bare LF between fields', (request: string) => request.replace('\r\nDate', '\nDate')],
    ['bare LF everywhere', (request: string) => request.replaceAll('\r\n', '\n')],
    ['bare CR', (request: string) => request.replace('\r\nDate', '\rDate')],
    ['obs-fold', (request: string) => request.replace('\r\nDate', '\r\n folded\r\nDate')],
    ['a space before the colon', (request: string) => request.replace('Date:', 'Date :')],
    ['a NUL in a value', (request: string) => request.replace('Date: ', 'Date: \0')],
    ['a NUL in a name', (request: string) => request.replace('Date:', 'Da\0te:')],
    ['no colon', (request: string) => request.replace('Date: ', 'Date ')],
    ['not HTTP at all', () => '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n'],
  ])('%s never reaches the handler', async (_, spoil) => {
    const rig = await startRig();
    const request = text(rig);
    expectProblem(await rig.send(spoil(request)), 'header_malformed');
    expect(rig.accepted).toHaveLength(0);
    expect((await rig.send(request)).status).toBe(200);
  });

  it('trailers are no input, whatever they are called', async () => {
    const rig = await startRig();
    const view = rig.view({ method: 'POST', body, headers: { 'Transfer-Encoding': 'chunked' } });
    const whole = Buffer.from(toHttp1(view)).toString('latin1');
    const nonce = /x-nonce: .*\r\n/i.exec(whole)?.[0] as string;
    const authorization = /authorization: .*\r\n/i.exec(whole)?.[0] as string;
    const last = '\r\n0\r\n\r\n';
    for (const [moved, code] of [
      [nonce, 'header_missing'],
      [authorization, 'authorization_missing'],
    ] as const) {
      const late = whole.replace(moved, '').replace(last, `\r\n0\r\n${moved}\r\n`);
      expectProblem(await rig.send(late), code);
    }
    expect(rig.accepted).toHaveLength(0);
    const more =
      'Authorization: HMAC-256 x\r\nX-Nonce: other\r\nContent-Digest: sha-256=:AAAA:\r\n';
    expect((await rig.send(whole.replace(last, `\r\n0\r\n${more}\r\n`))).status).toBe(200);
    expect(rig.accepted).toHaveLength(1);
  });

  it('a value with white space around it is the same value, and one with a space within is not', async () => {
    const rig = await startRig();
    const request = text(rig);
    expectProblem(await rig.send(request.replace(/(Date: \w+,) /, '$1  ')), 'credential_rejected');
    expect((await rig.send(request.replace(/Date: (.*)\r/, 'Date:\t $1 \t\r'))).status).toBe(200);
  });

  it('a resigned request is like one by the signer, so that the tests that use it test what they say', async () => {
    const rig = await startRig();
    expect((await rig.send(resigned(rig.view({ method: 'POST', body })))).status).toBe(200);
  });
});
