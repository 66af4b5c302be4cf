import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CREDENTIAL,
  file,
  KEY_FILE,
  run,
  runSigned,
  SECRET,
  type Service,
  startRecorder,
  startService,
  temporaryDirectory,
} from './helpers.js';

const shell = promisify(execFile);
const directory = temporaryDirectory();

describe('--output curl', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService([
      '--keys',
      file(directory, 'keys.json', JSON.stringify(KEY_FILE)),
    ]);
  });
  afterAll(() => service.stop());

  it.each([
    ['a GET', [], 'GET', 0],
    ['quotes, dollars and line breaks', ['-d', `it's "$HOME" \`id\`\n\\x @é`], 'POST', 24],
    ['a leading @', ['--json', '"@x"', '-X', 'PUT'], 'PUT', 4],
    ['a field with a quote', ['-H', "X-Note: it's; $(id)", '--signed-header', 'x-note'], 'GET', 0],
    ['an empty field', ['-H', 'X-Empty;', '--signed-header', 'x-empty'], 'GET', 0],
    ['an empty body', ['-d', ''], 'POST', 0],
  ])('prints a command that a shell sends as signed: %s', async (_, args, method, bodyBytes) => {
    const url = `${service.url}/a/%7Eb?q='x'&r=[1-3]&s={a,b}`;
    const { stdout, code } = await runSigned(['sign', url, ...args, '--output', 'curl']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^curl --path-as-is --globoff /);
    expect(stdout).not.toContain(SECRET);
    const sent = await shell('sh', ['-c', stdout]);
    expect(JSON.parse(sent.stdout)).toMatchObject({
      credential: CREDENTIAL,
      method,
      target: "/a/%7Eb?q='x'&r=[1-3]&s={a,b}",
      bodyBytes,
    });
  });

  it('writes HEAD as curl wants it', async () => {
    const { stdout } = await runSigned(['sign', service.url, '-X', 'HEAD', '--output', 'curl']);
    const sent = await shell('sh', ['-c', stdout]);
    expect(sent.stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it.each(['127.1', '0x7f.0.0.1', '127.0.0.01'])(
    'has %s sent as it was signed, which curl would write otherwise',
    async (name) => {
      const recorder = await startRecorder('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      const url = recorder.url.replace('127.0.0.1', name);
      const { stdout } = await runSigned(['sign', url, '--output', 'curl']);
      await shell('sh', ['-c', stdout]);
      await recorder.close();
      const request = file(directory, 'sent.http', Buffer.from(recorder.received(), 'latin1'));
      const keys = file(directory, 'keys.json', JSON.stringify(KEY_FILE));
      const host = url.slice('http://'.length);
      const told = await run(['verify', '--keys', keys, '--host', host, '--request', request]);
      expect(told.stdout).toMatch(/^accepted /);
    },
  );

  it('says the host only where curl would write another one', async () => {
    const lineOf = async (url: string) =>
      (await runSigned(['sign', url, '--output', 'curl'])).stdout;
    expect(await lineOf('http://127.0.0.1:08787/')).toContain(" --header 'Host: 127.0.0.1:08787' ");
    for (const url of [service.url, 'https://API.example.com:443/', 'http://[::1]:80/']) {
      expect(await lineOf(url)).not.toContain('Host');
    }
  });

  it('names a file rather than writing its bytes', async () => {
    const path = file(directory, "it's.bin", Buffer.from([0, 13, 10, 255]));
    const { stdout } = await runSigned(['sign', service.url, '-d', `@${path}`, '--output', 'curl']);
    const sent = await shell('sh', ['-c', stdout]);
    expect(JSON.parse(sent.stdout)).toMatchObject({ bodyBytes: 4 });
  });

  it('refuses bytes that no command line can hold', async () => {
    const result = await runSigned(['sign', service.url, '-d', '@-', '--output', 'curl'], {
      input: Buffer.from([0, 255]),
    });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('the body is not text');
  });
});
