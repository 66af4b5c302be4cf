import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both, sent } from './curl-both.js';
import {
  CREDENTIAL,
  file,
  KEY_FILE,
  runSigned,
  type Service,
  startRecorder,
  startService,
  temporaryDirectory,
} from './helpers.js';

const shell = promisify(execFile);
const directory = temporaryDirectory();
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
file(directory, 'a b.txt', 'a b\r\né&=?\n');
file(directory, 'bytes', BYTES);
file(directory, 'empty', '');

let service: Service;
beforeAll(async () => {
  const keys = file(directory, 'keys.json', JSON.stringify(KEY_FILE));
  service = await startService(['--keys', keys, '--fresh', '--verbose']);
});
afterAll(() => service.stop());

/** Runs `countersign curl` among the files, with `URL` standing for the service. */
const curl = (args: readonly string[], input?: string | Uint8Array) =>
  runSigned(['curl', '-s', ...args.map((word) => word.replace('URL', service.url))], {
    cwd: directory,
    ...(input === undefined ? {} : { input }),
  });

describe('-T', () => {
  it.each<[readonly string[]]>([
    [['-T', 'bytes', 'URL/a/b.bin']],
    [['--upload-file', 'bytes', 'URL/a?b=c']],
    [['-T', 'bytes', 'URL']],
    [['-T', 'bytes', 'URL/a/']],
    [['-T', 'bytes', 'URL/a/#part']],
    [['-T', 'a b.txt', 'URL/a/']],
    [['-T', `${directory}/bytes`, 'URL/a/']],
    [['-T', 'empty', 'URL/a/']],
    [['-T', 'bytes', '-X', 'POST', 'URL/a']],
    [['-T', 'bytes', '-H', 'Content-Type: image/png', 'URL/a']],
  ])('%j sends what curl sends', async (args) => {
    const [ours, theirs] = await both(directory, args);
    expect({ line: ours.line, body: ours.body }).toEqual({ line: theirs.line, body: theirs.body });
    expect(ours.fields['content-type']).toBe(theirs.fields['content-type']);
    expect(ours.fields['content-length']).toBe(theirs.fields['content-length']);
    const { code, stdout } = await curl(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      credential: CREDENTIAL,
      method: args.includes('POST') ? 'POST' : 'PUT',
      bodyBytes: ours.body.length,
    });
  });

  it('- sends standard input as it is, without a type, and appends no name', async () => {
    const ours = await sent((url) => runSigned(['curl', '-T', '-', `${url}/a/`], { input: BYTES }));
    expect(ours.line).toBe('PUT /a/ HTTP/1.1');
    expect(ours.body).toBe(BYTES.toString('latin1'));
    expect(ours.fields).not.toHaveProperty('content-type');
    expect(ours.fields['content-length']).toBe('256');
    for (const input of ['', BYTES]) {
      const { stdout } = await curl(['-T', '-', 'URL/a/'], input);
      expect(JSON.parse(stdout)).toMatchObject({
        method: 'PUT',
        target: '/a/',
        bodyBytes: input.length,
      });
    }
    const typed = await curl(['-T', '-', '-H', 'Content-Type: text/csv', 'URL/a'], 'a,b');
    expect(JSON.parse(typed.stdout).signedHeaders).toContain('content-type');
  });

  it('holds a pipe, which can be read once', async () => {
    const pipe = join(directory, 'pipe');
    await shell('mkfifo', [pipe]);
    const written = shell('sh', ['-c', `printf abc > '${pipe}'`]);
    const { stdout } = await curl(['-T', 'pipe', 'URL/a/']);
    await written;
    expect(JSON.parse(stdout)).toMatchObject({ target: '/a/pipe', bodyBytes: 3 });
  });

  it('holds no more of standard input than it says, and sends nothing of it', async () => {
    const recorder = await startRecorder();
    const { code, stdout, stderr } = await runSigned(['curl', '-T', '-', recorder.url], {
      input: Buffer.alloc(2 ** 26 + 1),
    });
    await recorder.close();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      'countersign: curl: standard input and pipes are held up to 67108864 bytes, and this is more; save it to a file and give that\n',
    );
    expect(recorder.received()).toBe('');
  });

  it('does not hold a file: its memory does not grow with it', async () => {
    const size = 300 * 2 ** 20;
    truncateSync(file(directory, 'large', ''), size);
    // Stands for curl, and says how much memory its parent ever had.
    const shims = join(directory, 'shims');
    mkdirSync(shims);
    const shim = file(
      shims,
      'curl',
      `#!/bin/sh\ncat > '${shims}/config'\ngrep VmHWM /proc/$PPID/status || echo VmHWM: 0 kB\n`,
    );
    chmodSync(shim, 0o755);
    const { code, stdout } = await runSigned(['curl', '-T', 'large', 'http://127.0.0.1:1/a/'], {
      cwd: directory,
      env: { PATH: `${shims}:${process.env.PATH}` },
    });
    expect(code).toBe(0);
    expect(Number(/VmHWM:\s+([0-9]+) kB/.exec(stdout)?.[1]) * 1024).toBeLessThan(size);
    const config = readFileSync(join(shims, 'config'), 'utf8');
    expect(config).toContain('\nupload-file = "large"\n');
    expect(config).toContain('url = "http://127.0.0.1:1/a/large"\n');
  });

  it('is refused by the service where the file was changed after it was signed', async () => {
    const shims = join(directory, 'late');
    mkdirSync(shims);
    file(directory, 'changing', 'before');
    const real = (await shell('sh', ['-c', 'command -v curl'])).stdout.trim();
    chmodSync(
      file(shims, 'curl', `#!/bin/sh\nprintf after. > changing\nexec ${real} "$@"\n`),
      0o755,
    );
    const { stdout } = await runSigned(['curl', '-s', '-T', 'changing', `${service.url}/a`], {
      cwd: directory,
      env: { PATH: `${shims}:${process.env.PATH}` },
    });
    expect(JSON.parse(stdout)).toMatchObject({ code: 'digest_mismatch' });
  });

  it('tells a file that cannot be read with exit code 3', async () => {
    for (const [name, why] of [
      ['absent', 'ENOENT'],
      ['.', 'EISDIR'],
    ] as const) {
      expect(await curl(['-T', name, 'URL/a'])).toEqual({
        code: 3,
        stdout: '',
        stderr: `countersign: curl: cannot read ${name} (${why})\n`,
      });
    }
  });
});
