import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  CREDENTIAL,
  DATE,
  file,
  KEY_ENV,
  run,
  runSigned,
  SECRET,
  temporaryDirectory,
} from './helpers.js';

const directory = temporaryDirectory();
const BODY = '{"sku":"A-1","qty":2}';
const WORKED_URL =
  'https://API.example.com:443/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9';
const WORKED = [
  'sign',
  WORKED_URL,
  '-H',
  'Content-Type: application/json',
  '-d',
  BODY,
  '--date',
  DATE,
  '--nonce',
  '4fA9sGdR2l3n0QwErTy8uA',
];
const PLAIN = [
  'sign',
  'http://api.example.com',
  '--date',
  DATE,
  '--nonce',
  'AAAAAAAAAAAAAAAAAAAAAA',
];

describe('the worked examples of the protocol', () => {
  it('prints the string to sign byte for byte', async () => {
    const { stdout, code } = await runSigned([...WORKED, '--output', 'string-to-sign']);
    expect(code).toBe(0);
    expect(stdout).toBe(
      `HMAC-256
orders-service
POST
/v1/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a
content-digest: sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:
content-type: application/json
date: Wed, 01 Jan 2020 12:00:30 GMT
host: api.example.com
x-nonce: 4fA9sGdR2l3n0QwErTy8uA
`,
    );
  });

  it('prints the header lines, and not the host', async () => {
    const { stdout, stderr, code } = await runSigned(WORKED);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      `Content-Type: application/json
Date: Wed, 01 Jan 2020 12:00:30 GMT
X-Nonce: 4fA9sGdR2l3n0QwErTy8uA
Content-Digest: sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:
Authorization: HMAC-256 Credential=orders-service,SignedHeaders=content-digest;content-type;date;host;x-nonce,Signature=Wbnr4FycH4qrimxeaMV+q91dne9JsVaTUxeE0+M4E70=
`,
    );
  });

  it('signs the plain GET', async () => {
    const { stdout } = await runSigned(PLAIN);
    expect(stdout).toBe(
      `Date: Wed, 01 Jan 2020 12:00:30 GMT
X-Nonce: AAAAAAAAAAAAAAAAAAAAAA
Authorization: HMAC-256 Credential=orders-service,SignedHeaders=date;host;x-nonce,Signature=f4CAccSKFrrTJ34OULkmiEhBllq5xePMlMdHOaApjcM=
`,
    );
  });

  it('prints JSON with every field to send', async () => {
    const { stdout } = await runSigned([
      ...WORKED.map((word) => (word === '-d' ? '--json' : word)),
      '--output',
      'json',
    ]);
    const { headers, ...rest } = JSON.parse(stdout);
    expect(rest).toMatchObject({ method: 'POST', url: WORKED_URL });
    expect(rest.stringToSign).toContain('\ncontent-type: application/json\n');
    expect(headers).toEqual({
      'Content-Type': 'application/json',
      Date: DATE,
      'X-Nonce': '4fA9sGdR2l3n0QwErTy8uA',
      'Content-Digest': 'sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:',
      Authorization: expect.stringContaining(
        'Signature=Wbnr4FycH4qrimxeaMV+q91dne9JsVaTUxeE0+M4E70=',
      ),
    });
  });
});

describe('what is signed', () => {
  it('takes -d as a form and --json as JSON, both POST', async () => {
    const form = JSON.parse(
      (await runSigned(['sign', 'http://a', '-d', 'a=1', '-d', 'b=2', '--output', 'json'])).stdout,
    );
    expect(form).toMatchObject({
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    const joined = await runSigned(['sign', 'http://a', '-d', 'a=1&b=2', '--output', 'json']);
    expect(JSON.parse(joined.stdout).headers['Content-Digest']).toBe(
      form.headers['Content-Digest'],
    );
  });

  it('signs the bytes of a file and of standard input as they are', async () => {
    const bytes = Buffer.from([0, 1, 13, 10, 255, 10]);
    const path = file(directory, 'bytes', bytes);
    const fromFile = await runSigned([...PLAIN, '-d', `@${path}`]);
    const fromInput = await runSigned([...PLAIN, '-d', '@-'], { input: bytes });
    const digest = createHash('sha256').update(bytes).digest('base64');
    expect(fromFile.stdout).toContain(`Content-Digest: sha-256=:${digest}:\n`);
    expect(fromInput.stdout).toBe(fromFile.stdout);
  });

  it('signs further header fields when asked', async () => {
    const { stdout } = await runSigned([
      ...PLAIN,
      '-H',
      'X-Tenant: acme',
      '--signed-header',
      'X-Tenant',
      '--output',
      'string-to-sign',
    ]);
    expect(stdout).toContain('\nx-tenant: acme\n');
  });

  it('uses the algorithm of the option, else of the environment', async () => {
    const option = await runSigned([...PLAIN, '--algorithm', 'HMAC-512']);
    const environment = await runSigned(PLAIN, { env: { COUNTERSIGN_ALGORITHM: 'HMAC-512' } });
    expect(option.stdout).toMatch(/Authorization: HMAC-512 .*Signature=[A-Za-z0-9+/]{86}==\n/);
    expect(environment.stdout).toBe(option.stdout);
    const wrong = await runSigned(PLAIN, { env: { COUNTERSIGN_ALGORITHM: 'MD5' } });
    expect(wrong).toMatchObject({
      code: 2,
      stderr: 'countersign: sign: COUNTERSIGN_ALGORITHM "MD5": expected HMAC-256 or HMAC-512\n',
    });
  });

  it('makes a new nonce each time', async () => {
    const nonces = await Promise.all(
      [1, 2].map(
        async () =>
          /X-Nonce: ([A-Za-z0-9_-]{22})\n/.exec(
            (await runSigned(['sign', 'http://a'])).stdout,
          )?.[1],
      ),
    );
    expect(nonces[0]).toBeDefined();
    expect(nonces[0]).not.toBe(nonces[1]);
  });
});

describe('who signs', () => {
  it('takes options before the environment', async () => {
    const secret = file(directory, 'secret.txt', `${SECRET}\n`);
    const result = await run([...PLAIN, '--credential', CREDENTIAL, '--secret-file', secret], {
      env: {
        COUNTERSIGN_CREDENTIAL: 'other',
        COUNTERSIGN_SECRET: 'csk_NdkEFjKz1RUtAAoBnV_2r97NMb4FKzD_AKpHYJWn9_A',
      },
    });
    expect(result.stdout).toContain('f4CAccSKFrrTJ34OULkmiEhBllq5xePMlMdHOaApjcM=');
  });

  it('says what to set where something is missing', async () => {
    expect(await run(PLAIN)).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'countersign: sign: no credential: set COUNTERSIGN_CREDENTIAL, or give --credential or --profile\n',
    });
    expect(await run([...PLAIN, '--credential', 'a'])).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'countersign: sign: no secret: set COUNTERSIGN_SECRET, or give --secret-file or --profile\n',
    });
  });

  it('names the source of a bad secret and never shows it', async () => {
    const bad = `${SECRET}!`;
    const environment = await run(PLAIN, { env: { ...KEY_ENV, COUNTERSIGN_SECRET: bad } });
    const path = file(directory, 'bad.txt', bad);
    const fromFile = await run([...PLAIN, '--credential', 'a', '--secret-file', path]);
    const missing = await run([...PLAIN, '--credential', 'a', '--secret-file', `${path}.none`]);
    const typed = await run(['sign', 'http://a', `--secret=${SECRET}`]);
    expect(environment).toMatchObject({ code: 2, stdout: '' });
    expect(environment.stderr).toMatch(/^countersign: sign: COUNTERSIGN_SECRET: expected .*\n$/);
    expect(fromFile.code).toBe(2);
    expect(fromFile.stderr).toContain(`--secret-file ${path}: expected`);
    expect(missing.code).toBe(3);
    expect(missing.stderr).toContain('cannot read');
    expect(typed.code).toBe(2);
    for (const { stdout, stderr } of [environment, fromFile, missing, typed]) {
      expect(stdout + stderr).not.toContain(SECRET.slice(4, 20));
    }
  });
});

describe('what cannot be signed', () => {
  it.each([
    ['a relative URL', ['sign', '/a'], 'url: expected an absolute http: or https: URL'],
    ['user-info', ['sign', 'http://u:p@a/'], 'user-info'],
    ['a dot segment', ['sign', 'http://a/../b'], 'url: The request target is refused'],
    ['a bad date', ['sign', 'http://a', '--date', 'today'], '--date "today"'],
    ['a short nonce', ['sign', 'http://a', '--nonce', 'x'], 'nonce: expected'],
    ["the signer's own field", ['sign', 'http://a', '-H', 'Date: x'], 'date is set by the signer'],
    ['another host', ['sign', 'http://a', '-H', 'Host: b'], 'host differs'],
    ['a line break in a field', ['sign', 'http://a', '-H', 'X: a\r\nY: b'], 'a line break'],
    ['a field without a value', ['sign', 'http://a', '-H', 'X:'], "write 'X;'"],
    ['no field at all', ['sign', 'http://a', '-H', 'X'], "expected 'Name: value'"],
    ['a file of fields', ['sign', 'http://a', '-H', '@x'], 'files of header fields are not read'],
    ['both kinds of body', ['sign', 'http://a', '-d', 'a', '--json', '{}'], 'cannot be mixed'],
    ['standard input twice', ['sign', 'http://a', '-d', '@-', '-d', '@-'], '@- is given twice'],
    ['an absent field', ['sign', 'http://a', '--signed-header', 'x-a'], 'x-a is to be signed'],
    [
      'the signature itself',
      ['sign', 'http://a', '--signed-header', 'authorization'],
      '--signed-header:',
    ],
  ])('refuses %s with exit code 2', async (_, args, message) => {
    const { code, stdout, stderr } = await runSigned(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^countersign: sign: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  it('tells a body file that cannot be read with exit code 3', async () => {
    const { code, stderr } = await runSigned(['sign', 'http://a', '-d', '@/nowhere/at/all']);
    expect(code).toBe(3);
    expect(stderr).toBe('countersign: sign: cannot read /nowhere/at/all (ENOENT)\n');
  });
});
