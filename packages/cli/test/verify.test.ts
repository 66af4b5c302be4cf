import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CREDENTIAL,
  DATE,
  file,
  KEY_ENV,
  run,
  SECRET,
  temporaryDirectory,
  VECTORS,
} from './helpers.js';

const directory = temporaryDirectory();
const KEYS = join(VECTORS, 'keys.json');
const BODY = '{"sku":"A-1","qty":2}';
const HEAD = `POST /v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9 HTTP/1.1
Host: API.example.com:443
Date: ${DATE}
X-Nonce: 4fA9sGdR2l3n0QwErTy8uA
Content-Type: application/json
Content-Digest: sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:
Authorization: HMAC-256 Credential=orders-service,SignedHeaders=content-digest;content-type;date;host;x-nonce,Signature=Wbnr4FycH4qrimxeaMV+q91dne9JsVaTUxeE0+M4E70=
`.replaceAll('\n', '\r\n');
const LENGTH = 'Content-Length: 21\r\n\r\n';
const WORKED = `${HEAD}${LENGTH}${BODY}`;
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n15\r\n${BODY}\r\n`;

const AT = ['verify', '--keys', KEYS, '--host', 'api.example.com', '--now', DATE];

/** Checks the bytes on standard input. */
const check = (bytes: string, args: readonly string[] = []) =>
  run([...AT, '--json', ...args], { input: Buffer.from(bytes, 'latin1') });

describe('an accepted request', () => {
  const ACCEPTED = {
    verdict: 'accepted',
    credential: CREDENTIAL,
    secretId: '2020-01',
    method: 'POST',
    target: '/v1/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a',
    signedHeaders: ['content-digest', 'content-type', 'date', 'host', 'x-nonce'],
    bodyBytes: 21,
  };

  it('is told in JSON, from a file or from standard input', async () => {
    const path = file(directory, 'worked.http', WORKED);
    for (const result of [await check(WORKED), await run([...AT, '--json', '--request', path])]) {
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(result.stdout)).toEqual(ACCEPTED);
    }
  });

  it('is told to people', async () => {
    const { code, stdout } = await run(AT, { input: WORKED });
    expect(code).toBe(0);
    expect(stdout).toBe(`accepted orders-service (secret 2020-01)
  POST /v1/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a
  signed: content-digest content-type date host x-nonce
  body: 21 bytes
`);
  });

  it('may be chunked, expect to continue, or ask to upgrade', async () => {
    for (const bytes of [
      `${CHUNKED}0\r\n\r\n`,
      `${CHUNKED}0\r\nX-Nonce: of-a-trailer-which-is-no-input\r\n\r\n`,
      `${HEAD}Expect: 100-continue\r\n${LENGTH}${BODY}`,
      `${HEAD}Expect: anything\r\n${LENGTH}${BODY}`,
      `${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n${LENGTH}${BODY}`,
    ]) {
      const { code, stdout } = await check(bytes);
      expect({ code, ...JSON.parse(stdout) }).toEqual({ code: 0, ...ACCEPTED });
    }
  });

  it('is checked with the key of the environment without --keys, and says that the host is not checked without --host', async () => {
    const { code, stdout, stderr } = await run(['verify', '--json', '--now', DATE], {
      env: KEY_ENV,
      input: WORKED,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ ...ACCEPTED, secretId: null });
    expect(stderr).toBe('countersign: verify: the host is not checked; give --host\n');
  });

  it('is accepted up to the last second of the skew', async () => {
    const at = (now: string, skew: string) => check(WORKED, ['--now', now, '--skew', skew]);
    expect(await at('Wed, 01 Jan 2020 12:00:40 GMT', '10')).toMatchObject({ code: 0 });
    expect(await at('Wed, 01 Jan 2020 12:00:41 GMT', '10')).toMatchObject({ code: 1 });
  });
});

describe('a refused request', () => {
  const swap = (from: string | RegExp, to: string) => WORKED.replace(from, to);
  it.each<[string, string, string, (readonly string[])?]>([
    ['headers_too_many', `${HEAD}${'X-A: 1\r\n'.repeat(100)}${LENGTH}${BODY}`, 'fields'],
    ['headers_too_many', `${HEAD}X-A: ${'a'.repeat(70_000)}\r\n${LENGTH}${BODY}`, 'larger'],
    ['headers_too_many', `${HEAD}${'X-A: 1\r\n'.repeat(3_000)}${LENGTH}${BODY}`, 'fields'],
    ['header_duplicated', `${HEAD}Host: a\r\n${LENGTH}${BODY}`, 'host'],
    ['authorization_missing', swap('Authorization:', 'X-Authorization:'), 'no Authorization'],
    ['authorization_malformed', swap('Credential=', 'credential='), 'Credential=…'],
    ['scheme_unsupported', swap('HMAC-256', 'Basic'), 'scheme'],
    ['credential_unknown', swap('orders-service', 'orders-servicf'), 'credential'],
    ['credential_inactive', swap('orders-service', 'disabled-service'), 'disabled'],
    ['algorithm_mismatch', swap('orders-service', 'orders-512'), 'algorithm'],
    ['signature_mismatch', swap('/v1/', '/v2/'), 'signature'],
    ['header_unsigned', swap(';content-type', ''), 'content-type'],
    ['header_missing', swap(/X-Nonce:.*\r\n/, ''), 'x-nonce'],
    ['digest_missing', swap(/Content-Digest:.*\r\n/, ''), 'Content-Digest'],
    ['target_malformed', swap('/v1/', '/../'), 'segment'],
    ['target_malformed', swap(/POST \S+/, 'CONNECT api.example.com:443'), 'target'],
    ['target_too_long', swap('/v1/', `/${'a'.repeat(9_000)}/`), '8192'],
    ['host_malformed', swap('API.example.com:443', 'a/b'), 'Host'],
    ['host_not_allowed', WORKED, 'api.example.com', ['--host', 'b.example.com']],
    ['date_expired', WORKED, 'past', ['--now', 'Wed, 01 Jan 2020 12:05:31 GMT']],
    ['date_in_future', WORKED, 'future', ['--now', 'Wed, 01 Jan 2020 11:55:29 GMT']],
    ['digest_mismatch', swap('"qty":2', '"qty":3'), 'sha-256'],
    ['body_incomplete', WORKED.slice(0, -1), 'ended'],
    ['body_incomplete', CHUNKED, 'ended'],
    ['body_too_large', `${HEAD}Content-Length: 1048577\r\n\r\n${'a'.repeat(1_048_577)}`, '1048576'],
    ['header_malformed', `${CHUNKED}zz\r\n`, 'HTTP/1.1'],
    ['header_malformed', swap('Host:', 'Host :'), 'HTTP/1.1'],
    ['header_malformed', swap('Date:', 'X: a\0b\r\nDate:'), 'HTTP/1.1'],
    [
      'header_malformed',
      swap('Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length'),
      '',
    ],
    ['header_malformed', swap('application/json', 'application/j\u00e9son'), 'content-type'],
    ['body_incomplete', HEAD, 'ended'],
    ['header_malformed', 'hello\r\n\r\n', 'HTTP/1.1'],
  ])('is told with its code: %s', async (code, bytes, detail, args = []) => {
    const known = args.includes('--host')
      ? ['verify', '--json', '--keys', KEYS, '--now', DATE, ...args]
      : [...AT, '--json', ...args];
    const result = await run(known, { input: Buffer.from(bytes, 'latin1') });
    expect(result).toMatchObject({ code: 1, stderr: '' });
    const report = JSON.parse(result.stdout);
    expect(report).toMatchObject({ verdict: 'refused', code });
    expect(report.status).toBeGreaterThanOrEqual(400);
    expect(`${report.title} ${report.detail}`).toContain(detail);
    expect(report.advice).toMatch(/\.$/);
  });

  it('comes with the string to sign, for people too, and never with a secret', async () => {
    const bytes = WORKED.replace('/v1/', '/v2/');
    const json = JSON.parse((await check(bytes)).stdout);
    const { code, stdout } = await run(AT, { input: bytes });
    expect(code).toBe(1);
    expect(json.stringToSign).toMatch(/^HMAC-256\norders-service\nPOST\n\/v2\/orders\/~alice\?/);
    expect(stdout).toMatch(/^refused signature_mismatch \(401\)\n/);
    expect(stdout).toContain('\n    /v2/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a\n');
    expect(stdout + JSON.stringify(json)).not.toContain(SECRET);
  });
});

describe('what is no single request', () => {
  it.each([
    ['nothing', '', 'there is no request'],
    ['empty lines', '\r\n\r\n', 'there is no request'],
    ['two requests', WORKED + WORKED, 'bytes follow the request'],
    ['a line break after the body', `${WORKED}\n`, 'bytes follow the request'],
    ['a line break after the last chunk', `${CHUNKED}0\r\n\r\n\r\n`, 'bytes follow the request'],
    ['nonsense after the body', `${WORKED}xyz`, 'bytes follow the request'],
    ['a line break after empty lines and a request', `\r\n\r\n${WORKED}\r\n`, 'bytes follow'],
    ['lines that end in LF', WORKED.replaceAll('\r\n', '\n'), 'end in LF alone'],
  ])('is told with exit code 2: %s', async (_, bytes, message) => {
    const { code, stdout, stderr } = await check(bytes);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^countersign: verify: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });
});

describe('wrong usage', () => {
  it.each([
    [
      'no key',
      ['verify'],
      2,
      'no key: give --keys, or set COUNTERSIGN_CREDENTIAL and COUNTERSIGN_SECRET',
    ],
    ['no key file', ['verify', '--keys', '/nowhere'], 3, 'cannot read the key file /nowhere'],
    ['no request file', [...AT, '--request', '/nowhere'], 3, 'cannot read /nowhere (ENOENT)'],
    ['a bad date', [...AT, '--now', '2020-01-01'], 2, '--now "2020-01-01"'],
    ['a bad skew', [...AT, '--skew', '5m'], 2, '--skew "5m"'],
    ['a skew out of range', [...AT, '--skew', '3601'], 2, '--skew: expected'],
    ['a bad host', [...AT, '--host', 'a b'], 2, '--host: expected a host'],
  ])('is told: %s', async (_, args, code, message) => {
    const result = await run(args, { input: WORKED });
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(message);
  });
});

describe('the captured bytes of another signer', () => {
  it('agree with what this one signs', async () => {
    const signed = await run(
      ['sign', 'http://api.example.com/', '--date', DATE, '--nonce', 'AAAAAAAAAAAAAAAAAAAAAA'],
      { env: KEY_ENV },
    );
    const head = `GET / HTTP/1.1\r\nHost: api.example.com\r\n${signed.stdout.replaceAll('\n', '\r\n')}\r\n`;
    expect(await check(head)).toMatchObject({ code: 0 });
  });
});
