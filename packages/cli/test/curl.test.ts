import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CREDENTIAL,
  file,
  KEY_FILE,
  run,
  runSigned,
  SECRET,
  type Service,
  startService,
  temporaryDirectory,
} from './helpers.js';

const directory = temporaryDirectory();
const LINES = file(directory, 'lines.txt', 'a=1\r\nb=\0' + '2\n');
const OUT = join(directory, 'out');
const FORM = 'application/x-www-form-urlencoded';

let service: Service;
beforeAll(async () => {
  service = await startService([
    '--keys',
    file(directory, 'keys.json', JSON.stringify(KEY_FILE)),
    '--verbose',
  ]);
});
afterAll(() => service.stop());

/** Runs `countersign curl`, with `URL` standing for the service. */
const curl = (args: readonly string[], options?: Parameters<typeof runSigned>[1]) =>
  runSigned(['curl', ...args.map((word) => word.replace('URL', service.url))], options);

describe('what is sent is accepted', () => {
  it.each<[readonly string[], object]>([
    [['URL/a?b=2&a=1'], { method: 'GET', target: '/a?b=2&a=1', bodyBytes: 0 }],
    [['URL'], { target: '/' }],
    [['URL?x=1#part'], { target: '/?x=1' }],
    [['--url', 'URL/a'], { target: '/a' }],
    [['--', 'URL/a'], { target: '/a' }],
    [['URL/%7ea/[1-3]/{a,b}'], { target: '/%7ea/[1-3]/{a,b}' }],
    [['-X', 'DELETE', 'URL/a'], { method: 'DELETE' }],
    [['-XDELETE', 'URL/a'], { method: 'DELETE' }],
    [['--request', 'PROPFIND', 'URL/a'], { method: 'PROPFIND' }],
    [['-X', 'POST', 'URL/a'], { method: 'POST', bodyBytes: 0 }],
    [['-d', 'a=1', 'URL/a'], { method: 'POST', bodyBytes: 3 }],
    [['-da=1', '-d', 'b=2', 'URL/a'], { method: 'POST', bodyBytes: 7 }],
    [['-d', '', 'URL/a'], { method: 'POST', bodyBytes: 0 }],
    [['--data', 'a=1', '-X', 'PUT', 'URL/a'], { method: 'PUT', bodyBytes: 3 }],
    [['--data', 'a=1', '-X', 'GET', 'URL/a'], { method: 'GET', bodyBytes: 3 }],
    [['--data-ascii', 'a=1', 'URL/a'], { bodyBytes: 3 }],
    [['--data-raw', '@a', 'URL/a'], { bodyBytes: 2 }],
    [['-d', `@${LINES}`, 'URL/a'], { bodyBytes: 6 }],
    [[`-d@${LINES}`, 'URL/a'], { bodyBytes: 6 }],
    [['--data-binary', `@${LINES}`, 'URL/a'], { bodyBytes: 10 }],
    [['--data-binary', 'a\r\nb', 'URL/a'], { bodyBytes: 4 }],
    [['--json', '{"a":"é"}', 'URL/a'], { method: 'POST', bodyBytes: 10 }],
    [['--json', '{"a":', '--json', '1}', 'URL/a'], { bodyBytes: 7 }],
    [['--json', `@${LINES}`, 'URL/a'], { bodyBytes: 10 }],
    [
      ['-G', '-d', 'a=1', '-d', 'b=2', 'URL/a'],
      { method: 'GET', target: '/a?a=1&b=2', bodyBytes: 0 },
    ],
    [['--get', '-d', 'a=1', 'URL/a?z#part'], { target: '/a?z&a=1' }],
    [['-G', 'URL/a'], { method: 'GET', target: '/a' }],
    [['-H', 'X-Note: "a\\b"\tc', 'URL/a'], {}],
    [['-HX-Note:a', 'URL/a'], {}],
    [['--header', 'X-Empty;', 'URL/a'], {}],
    [['-H', 'Accept:', '-H', 'User-Agent:', 'URL/a'], {}],
    [['-H', 'Content-Type:', '-d', 'a', 'URL/a'], { bodyBytes: 1 }],
    [['-H', 'content-type: text/plain', '-d', 'a', 'URL/a'], { bodyBytes: 1 }],
    [['-H', 'Content-Encoding: gzip', '-d', 'a', 'URL/a'], { bodyBytes: 1 }],
    [['-H', 'X-HTTP-Method-Override: PUT', 'URL/a'], {}],
    [['-H', 'Expect: 100-continue', '-d', 'a', 'URL/a'], { bodyBytes: 1 }],
    [['-A', 'me/1.0 "x"', 'URL/a'], {}],
    [['--user-agent', '', 'URL/a'], {}],
    [['-s', 'URL/a'], {}],
    [['--silent', '-S', 'URL/a'], {}],
    [['-sSf', 'URL/a'], {}],
    [['--show-error', '--fail', 'URL/a'], {}],
    [['--fail-with-body', 'URL/a'], {}],
    [['-sSXPUT', 'URL/a'], { method: 'PUT' }],
    [['-sSfda=1', 'URL/a'], { method: 'POST', bodyBytes: 3 }],
    [['-m', '10', '--connect-timeout', '5', 'URL/a'], {}],
    [['-m10', 'URL/a'], {}],
    [['--max-time', '10', 'URL/a'], {}],
    [['-k', 'URL/a'], {}],
    [['--insecure', 'URL/a'], {}],
    [['-v', 'URL/a'], {}],
    [['--verbose', 'URL/a'], {}],
    [['-o', '-', 'URL/a'], {}],
  ])('%j', async (args, expected) => {
    const { code, stdout, stderr } = await curl(args);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ credential: CREDENTIAL, ...expected });
  });

  it('HEAD, by its option and by its name', async () => {
    for (const args of [['-I'], ['--head'], ['-X', 'HEAD'], ['-I', '-G', '-d', 'a=1']]) {
      const { code, stdout } = await curl([...args, 'URL/a']);
      expect({ code, status: stdout.slice(0, 15) }).toEqual({ code: 0, status: 'HTTP/1.1 200 OK' });
    }
  });

  it('with the head, the output file and the words that were asked for', async () => {
    for (const include of ['-i', '--include']) {
      expect((await curl([include, 'URL/a'])).stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    }
    for (const output of ['-o', '--output']) {
      for (const write of ['-w', '--write-out']) {
        const { stdout } = await curl([output, OUT, write, '%{http_code}\n', `URL/${output}`]);
        expect(stdout).toBe('200\n');
        expect(JSON.parse(readFileSync(OUT, 'utf8'))).toMatchObject({ target: `/${output}` });
      }
    }
  });

  it('with data of standard input, stripped only where curl strips', async () => {
    const input = 'a=1\r\nb=2\n';
    const sizes = [];
    for (const option of ['-d', '--data-binary', '--json']) {
      const { stdout } = await curl([option, '@-', 'URL/a'], { input });
      sizes.push(JSON.parse(stdout).bodyBytes);
    }
    expect(sizes).toEqual([6, 9, 9]);
  });

  it('with a body of a megabyte', async () => {
    const path = file(directory, 'long', Buffer.alloc(1_048_576, 'x'));
    const { stdout } = await curl(['--data-binary', `@${path}`, 'URL/a']);
    expect(JSON.parse(stdout)).toMatchObject({ bodyBytes: 1_048_576 });
  });

  it('with what is to be signed besides, and the algorithm and key that were named', async () => {
    const { stdout } = await curl([
      '--signed-header',
      'accept',
      '--signed-header',
      'user-agent',
      '-A',
      'me',
      '-H',
      'Accept: text/csv',
      'URL/a',
    ]);
    expect(JSON.parse(stdout).signedHeaders).toEqual([
      'accept',
      'date',
      'host',
      'user-agent',
      'x-nonce',
    ]);
    const secret = file(directory, 'secret', `${SECRET}\n`);
    const named = ['--credential', CREDENTIAL, '--secret-file', secret, '--algorithm', 'HMAC-256'];
    const { code } = await run(['curl', ...named, '-sf', `${service.url}/a`]);
    expect(code).toBe(0);
  });

  it('anew each time', async () => {
    expect([await curl(['-f', 'URL/a']), await curl(['-f', 'URL/a'])]).toMatchObject([
      { code: 0 },
      { code: 0 },
    ]);
  });
});

describe('exit codes', () => {
  it('are those of curl', async () => {
    const wrong = { env: { COUNTERSIGN_CREDENTIAL: 'nobody' } };
    expect(await curl(['URL/a'], wrong)).toMatchObject({ code: 0 });
    expect(await curl(['-sf', 'URL/a'], wrong)).toMatchObject({ code: 22 });
    const body = await curl(['-s', '--fail-with-body', 'URL/a'], wrong);
    expect(body.code).toBe(22);
    expect(JSON.parse(body.stdout).code).toBe('credential_rejected');
    const gone = await startService(['--keys', join(directory, 'keys.json')]);
    await gone.stop();
    expect(await curl(['-s', gone.url])).toMatchObject({ code: 7 });
  });

  it('are 3 without curl, and without a file', async () => {
    expect(await curl(['URL/a'], { env: { PATH: directory } })).toEqual({
      code: 3,
      stdout: '',
      stderr: 'countersign: curl: curl cannot be run (ENOENT); install it, or put it on PATH\n',
    });
    const { code, stderr } = await curl(['-d', '@/nowhere', 'URL/a']);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: 'countersign: curl: cannot read /nowhere (ENOENT)\n',
    });
  });

  it('are 2 without a credential', async () => {
    const { code, stderr } = await run(['curl', service.url]);
    expect(code).toBe(2);
    expect(stderr).toContain('no credential: set COUNTERSIGN_CREDENTIAL');
  });
});

it(`sends ${FORM} once`, async () => {
  const { stderr } = await curl(['-v', '-d', 'a', 'URL/a']);
  expect(stderr.match(/^> Content-Type: .*$/gm)).toEqual([`> Content-Type: ${FORM}`]);
});
