import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bodyOf,
  CLOSE,
  CREDENTIAL,
  exchange,
  file,
  KEY_FILE,
  run,
  runSigned,
  SECRET,
  type Service,
  signedHead,
  startService,
  statusOf,
  temporaryDirectory,
} from './helpers.js';

const directory = temporaryDirectory();
const KEYS = file(directory, 'keys.json', JSON.stringify(KEY_FILE));

let service: Service;
beforeAll(async () => {
  service = await startService(['--keys', KEYS]);
});
afterAll(() => service.stop());

describe('start and end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with 0 on %s, with connections open',
    async (signal) => {
      const one = await startService(['--keys', KEYS]);
      const idle = connect(one.port, '127.0.0.1');
      const kept = connect(one.port, '127.0.0.1');
      const half = connect(one.port, '127.0.0.1');
      for (const socket of [idle, kept, half]) socket.on('error', () => {});
      kept.write(`${await signedHead('GET', `${one.url}/`)}\r\n`);
      half.write('GET / HTTP/1.1\r\nHost');
      await once(kept, 'data');
      const before = performance.now();
      one.child.kill(signal);
      const [code] = await once(one.child, 'close');
      expect(code).toBe(0);
      expect(performance.now() - before).toBeLessThan(2_000);
    },
  );

  it('says which port is taken, with exit code 3', async () => {
    expect(await run(['serve', '--keys', KEYS, '--port', String(service.port)])).toEqual({
      code: 3,
      stdout: '',
      stderr: `countersign: serve: port ${service.port} of 127.0.0.1 is in use; end what listens there, or give another --port\n`,
    });
  });

  it('refuses what an earlier run may have accepted, unless --fresh', async () => {
    const hosted = ['--keys', KEYS, '--host', 'api.example.com'];
    const one = await startService([...hosted, '--fresh']);
    const bytes = (await signedHead('GET', 'http://api.example.com/')) + CLOSE;
    expect(statusOf(await exchange(one.port, bytes))).toBe(200);
    const { stderr } = await one.stop();
    expect(stderr).toMatch(/^countersign: serve: --fresh: .*\n$/);

    const next = await startService(hosted);
    const replayed = await exchange(next.port, bytes);
    await next.stop();
    expect({ status: statusOf(replayed), code: bodyOf(replayed).code }).toEqual({
      status: 503,
      code: 'nonce_store_unavailable',
    });
  });

  it('logs verdicts with --verbose, to standard error, without secrets', async () => {
    const one = await startService(['--keys', KEYS, '--verbose']);
    await exchange(one.port, (await signedHead('GET', `${one.url}/a`)) + CLOSE);
    await exchange(one.port, `GET /b HTTP/1.1\r\nHost: x\r\n${CLOSE}`);
    await exchange(one.port, 'nonsense\r\n\r\n');
    const { stdout, stderr, code } = await one.stop();
    expect(code).toBe(0);
    expect(stdout).toBe(`listening on http://127.0.0.1:${one.port}\n`);
    expect(stderr).toMatch(
      /^\S+ GET \/a accepted orders-service\n\S+ GET \/b refused authorization_missing: .*\n\S+ \(unreadable\) refused header_malformed: .*\n$/,
    );
    expect(stderr).not.toContain(SECRET);
  });

  it.each([
    ['no keys', [], 2, "required option '--keys <file>' not specified"],
    [
      'an absent file',
      ['--keys', '/nowhere.json'],
      3,
      'cannot read the key file /nowhere.json (ENOENT)',
    ],
    [
      'a bad file',
      ['--keys', file(directory, 'bad.json', '{"keys":[{}]}')],
      2,
      'keys[0].credential',
    ],
    ['a bad host', ['--keys', KEYS, '--host', 'a/b'], 2, '--host: expected'],
    ['a bad port', ['--keys', KEYS, '--port', '-1'], 2, '--port "-1"'],
    ['a port too high', ['--keys', KEYS, '--port', '65536'], 2, '--port "65536"'],
    ['no skew', ['--keys', KEYS, '--skew', '0'], 2, '--skew: expected a whole number from 1'],
    ['a bad disclosure', ['--keys', KEYS, '--disclosure', 'all'], 2, 'Allowed choices are'],
  ])('does not start with %s', async (_, args, code, message) => {
    const result = await runSigned(['serve', ...args]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(/^countersign: serve: [^\n]+\n$/);
    expect(result.stderr).toContain(message);
  });

  it('takes secrets of the environment', async () => {
    const keys = file(
      directory,
      'env.json',
      JSON.stringify({
        keys: [{ credential: CREDENTIAL, secrets: [{ secret: 'env:THE_SECRET' }] }],
      }),
    );
    const one = await startService(['--keys', keys], { env: { THE_SECRET: SECRET } });
    const answer = await exchange(one.port, (await signedHead('GET', `${one.url}/`)) + CLOSE);
    await one.stop();
    expect(statusOf(answer)).toBe(200);
  });
});
