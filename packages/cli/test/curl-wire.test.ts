import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  file,
  KEY_ENV,
  resultOf,
  runSigned,
  SECRET,
  start,
  startRecorder,
  temporaryDirectory,
} from './helpers.js';

const processes = promisify(execFile);
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** The bytes that curl sends, with the host and the signer's own values blanked. */
async function wire(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const recorder = await startRecorder(OK);
  const { code, stderr } = await runSigned(
    ['curl', '-sS', '-A', 'test', ...args.map((word) => word.replace('URL', recorder.url))],
    { env },
  );
  await recorder.close();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return recorder
    .received()
    .replace(/^(Host|Date|X-Nonce|Content-Digest|Authorization): .*\r$/gm, '$1: …\r');
}

describe('the bytes on the wire', () => {
  it('of a GET', async () => {
    expect(await wire(['URL/a/%7Eb?x=[1]'])).toBe(
      [
        'GET /a/%7Eb?x=[1] HTTP/1.1',
        'Host: …',
        'Accept: */*',
        'User-Agent: test',
        'Date: …',
        'X-Nonce: …',
        'Authorization: …',
        '',
        '',
      ].join('\r\n'),
    );
  });

  it('of --json', async () => {
    expect(await wire(['--json', '{"a":1}', 'URL'])).toBe(
      [
        'POST / HTTP/1.1',
        'Host: …',
        'User-Agent: test',
        'Content-Type: application/json',
        'Accept: application/json',
        'Date: …',
        'X-Nonce: …',
        'Content-Digest: …',
        'Authorization: …',
        'Content-Length: 7',
        '',
        '{"a":1}',
      ].join('\r\n'),
    );
  });

  it('of bytes that no text holds, unaltered', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const path = file(temporaryDirectory(), 'bytes', bytes);
    const sent = await wire(['--data-binary', `@${path}`, 'URL']);
    expect(sent.slice(sent.indexOf('\r\n\r\n') + 4)).toBe(bytes.toString('latin1'));
  });

  it('of header values that curl could take for something else', async () => {
    const sent = await wire([
      '-H',
      'X-A: "q\\n" # not a comment',
      '-H',
      'X-B;',
      '-H',
      'X-C: @d',
      'URL',
    ]);
    expect(sent).toContain('\r\nX-A: "q\\n" # not a comment\r\nX-B:\r\nX-C: @d\r\n');
  });

  it('are not changed by ~/.curlrc and proxies of the environment', async () => {
    const home = temporaryDirectory();
    file(home, '.curlrc', 'header = "X-Mine: 1"\nlocation\n');
    const proxy = await startRecorder(OK);
    const sent = await wire(['URL'], {
      HOME: home,
      CURL_HOME: home,
      http_proxy: proxy.url,
      ALL_PROXY: proxy.url,
    });
    await proxy.close();
    expect(sent).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    expect(sent).not.toContain('X-Mine');
    expect(proxy.received()).toBe('');
  });

  it('are one request, whatever the answer is', async () => {
    const elsewhere = await startRecorder(OK);
    const recorder = await startRecorder(
      `HTTP/1.1 307 Temporary Redirect\r\nLocation: ${elsewhere.url}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    const { code } = await runSigned(['curl', '-s', recorder.url]);
    await Promise.all([recorder.close(), elsewhere.close()]);
    expect(code).toBe(0);
    expect(recorder.received().match(/^GET /gm)).toHaveLength(1);
    expect(elsewhere.received()).toBe('');
  });
});

describe('while it runs', () => {
  it('shows neither secret, signature nor body to others, and leaves nothing behind when it is ended', async () => {
    const home = temporaryDirectory();
    const temporary = join(home, 'tmp');
    mkdirSync(temporary);
    const recorder = await startRecorder(); // never answers
    const mark = 'body-of-this-very-test';
    const child = start(
      ['curl', '-s', '-H', 'X-Private: header-of-this-test', '--data-binary', '@-', recorder.url],
      { env: { ...KEY_ENV, TMPDIR: temporary } },
    );
    const ended = resultOf(child);
    child.stdin?.end(mark);
    await recorder.first;

    const { stdout } = await processes('ps', ['-A', '-ww', '-o', 'ppid,pid,args']);
    const curl = stdout.split('\n').find((line) => line.trim().startsWith(`${child.pid} `)) ?? '';
    expect(curl).toContain('curl -q --path-as-is --globoff --noproxy * --config -');
    for (const hidden of [SECRET, 'Signature', mark, 'header-of-this-test']) {
      expect(curl).not.toContain(hidden);
    }
    const environment = `/proc/${curl.trim().split(/\s+/)[1]}/environ`;
    const seen = existsSync(environment) ? readFileSync(environment, 'latin1') : '';
    expect(seen).not.toContain(SECRET);

    const [name] = readdirSync(temporary) as [string];
    expect(statSync(join(temporary, name)).mode & 0o777).toBe(0o700);
    expect(statSync(join(temporary, name, 'body')).mode & 0o777).toBe(0o600);

    child.kill('SIGTERM');
    const result = await ended;
    await recorder.close();
    expect(result.code).toBe(143);
    expect(result.stdout + result.stderr).not.toContain(SECRET);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
