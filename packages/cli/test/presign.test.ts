import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CREDENTIAL,
  DATE,
  file,
  KEY_FILE,
  runSigned,
  SECRET,
  type Service,
  startService,
  temporaryDirectory,
} from './helpers.js';

const shell = promisify(execFile);
const directory = temporaryDirectory();
const KEYS = file(directory, 'keys.json', JSON.stringify(KEY_FILE));

let service: Service;
beforeAll(async () => {
  service = await startService(['--keys', KEYS, '--presigned', '--fresh']);
});
afterAll(() => service.stop());

/** The URL that the command prints, alone on its line. */
async function presigned(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runSigned([
    'presign',
    `${service.url}/v1/invoices/7.pdf?download=1`,
    ...args,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^http:\/\/\S+\n$/);
  return stdout.trim();
}

/** What the real curl is told of a URL. */
async function fetched(url: string, ...args: readonly string[]) {
  return JSON.parse((await shell('curl', ['-q', '-s', ...args, url])).stdout);
}

describe('a presigned URL', () => {
  it('is the one of the worked example', async () => {
    const { stdout } = await runSigned([
      'presign',
      'https://api.example.com/v1/invoices/7.pdf?download=1',
      ...['--expires-in', '3600', '--date', DATE],
    ]);
    expect(stdout).toBe(
      'https://api.example.com/v1/invoices/7.pdf?download=1&X-Hmac-Credential=orders-service&X-Hmac-Date=20200101T120030Z&X-Hmac-Expires=3600&X-Hmac-Signature=arLYe7YbapIBob00bxQ8b_oZ6CB4qDBc5IYGIhI14NI\n',
    );
  });

  it('is accepted as often as it is opened', async () => {
    const url = await presigned(['--expires-in', '15m']);
    for (let time = 0; time < 2; time++) {
      expect(await fetched(url)).toMatchObject({ credential: CREDENTIAL, method: 'GET' });
    }
    const { stdout } = await shell('curl', ['-q', '-sI', url]);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is accepted once with --single-use', async () => {
    const url = await presigned(['--expires-in', '15m', '--single-use']);
    expect(await fetched(url)).toMatchObject({ credential: CREDENTIAL });
    expect(await fetched(url)).toMatchObject({ status: 401, code: 'nonce_replayed' });
  });

  it('is refused once it is altered, and for anything but reading', async () => {
    const url = await presigned(['--expires-in', '15m']);
    for (const altered of [
      url.replace('7.pdf', '8.pdf'),
      url.replace('download=1', 'download=2'),
      url.replace('X-Hmac-Expires=900', 'X-Hmac-Expires=901'),
    ]) {
      expect(await fetched(altered)).toMatchObject({ code: 'credential_rejected' });
    }
    expect(await fetched(url, '-X', 'DELETE')).toMatchObject({ code: 'authorization_malformed' });
  });

  it('is refused once it has expired', async () => {
    const minuteAgo = new Date(Date.now() - 60_000).toUTCString();
    const url = await presigned(['--expires-in', '30s', '--date', minuteAgo]);
    expect(await fetched(url)).toMatchObject({ status: 401, code: 'date_expired' });
    const still = await presigned(['--expires-in', '2m', '--date', minuteAgo]);
    expect(await fetched(still)).toMatchObject({ credential: CREDENTIAL });
  });

  it('is refused by a service that was not told of them', async () => {
    const other = await startService(['--keys', KEYS, '--fresh']);
    const url = (await presigned(['--expires-in', '15m'])).replace(service.url, other.url);
    expect(await fetched(url)).toMatchObject({ code: 'authorization_missing' });
    await other.stop();
  });
});

describe('what is printed', () => {
  it('is with --json the URL and when it ends', async () => {
    const { stdout, stderr } = await runSigned([
      ...['presign', 'https://api.example.com/', '--json', '--date', DATE],
      ...['--expires-in', '1h', '--algorithm', 'HMAC-512'],
    ]);
    expect(stderr).toBe('');
    const { url, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ expiresAt: '2020-01-01T13:00:30Z' });
    expect(new URL(url).searchParams.get('X-Hmac-Signature')).toHaveLength(86);
  });

  it.each([
    ['1', '1'],
    ['604800', '604800'],
    ['45s', '45'],
    ['15m', '900'],
    ['1h', '3600'],
    ['7d', '604800'],
  ])('is good for %s', async (text, seconds) => {
    const url = new URL(await presigned(['--expires-in', text]));
    expect(url.searchParams.get('X-Hmac-Expires')).toBe(seconds);
  });

  it.each(['0', '0m', '604801', '8d', '-1', '1.5h', '1w', '1h30m', '', ' 5', '1e3', '1H'])(
    'is not made for %j',
    async (text) => {
      const { code, stdout, stderr } = await runSigned([
        'presign',
        'http://a/',
        `--expires-in=${text}`,
      ]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`countersign: presign: --expires-in "${text}": expected`);
    },
  );

  it.each([
    ['/a', 'url: expected an absolute'],
    ['http://u:p@a/', 'user-info'],
    ['http://a/../b', 'url: The request target is refused'],
    ['http://a/?X-Hmac-Date=1', 'X-Hmac- parameters already'],
  ])('is nothing for %s', async (url, message) => {
    const result = await runSigned(['presign', url, '--expires-in', '60']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/^countersign: presign: [^\n]+\n$/);
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain(SECRET.slice(4));
  });
});
