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
  type Service,
  signedHead,
  startService,
  statusOf,
  temporaryDirectory,
} from './helpers.js';

const directory = temporaryDirectory();
const KEYS = file(directory, 'keys.json', JSON.stringify(KEY_FILE));

let service: Service;
let open: Service;
beforeAll(async () => {
  [service, open] = await Promise.all([
    startService(['--keys', KEYS]),
    startService(['--keys', KEYS, '--disclosure', 'full', '--host', 'API.example.com:443']),
  ]);
});
afterAll(async () => {
  await Promise.all([service.stop(), open.stop()]);
});

describe('what is accepted', () => {
  it('says what was verified', async () => {
    const url = `${service.url}/v1/%7Ea?b=2&a=1`;
    const head = await signedHead('POST', url, ['-d', 'hello']);
    const answer = await exchange(service.port, `${head}Content-Length: 5\r\n${CLOSE}hello`);
    expect(statusOf(answer)).toBe(200);
    expect(bodyOf(answer)).toEqual({
      credential: CREDENTIAL,
      method: 'POST',
      target: '/v1/%7Ea?b=2&a=1',
      signedHeaders: ['content-digest', 'content-type', 'date', 'host', 'x-nonce'],
      bodyBytes: 5,
    });
  });

  it('is accepted by either name of the machine', async () => {
    const url = `http://localhost:${service.port}/`;
    const answer = await exchange(service.port, (await signedHead('GET', url)) + CLOSE);
    expect(statusOf(answer)).toBe(200);
  });

  it('is also a request with Upgrade, and a chunked one', async () => {
    const upgrade = await exchange(
      service.port,
      `${await signedHead('GET', `${service.url}/`)}Upgrade: websocket\r\nConnection: close, Upgrade\r\n\r\n`,
    );
    expect(statusOf(upgrade)).toBe(200);
    const head = await signedHead('PUT', `${service.url}/`, ['-d', 'hello']);
    const chunked = await exchange(
      service.port,
      `${head}Transfer-Encoding: chunked\r\n${CLOSE}5\r\nhello\r\n0\r\n\r\n`,
    );
    expect(bodyOf(chunked)).toMatchObject({ bodyBytes: 5 });
  });
});

describe('what is refused', () => {
  const refusals: [string, () => Promise<string>, number, string][] = [
    ['no signature', async () => 'GET / HTTP/1.1\r\nHost: a\r\n', 401, 'authorization_missing'],
    [
      'a wrong host',
      async () => signedHead('GET', 'http://api.example.com/'),
      421,
      'host_not_allowed',
    ],
    [
      'no host',
      async () => (await signedHead('GET', `${service.url}/`)).replace(/Host:.*\r\n/, ''),
      401,
      'header_missing',
    ],
    [
      'another method',
      async () => (await signedHead('GET', `${service.url}/`)).replace('GET', 'DELETE'),
      401,
      'credential_rejected',
    ],
    [
      'another target',
      async () => (await signedHead('GET', `${service.url}/a`)).replace('/a', '/b'),
      401,
      'credential_rejected',
    ],
    [
      'an absolute-form target',
      async () => (await signedHead('GET', `${service.url}/`)).replace(' / ', ` ${service.url}/ `),
      400,
      'target_malformed',
    ],
    [
      'a long target',
      async () =>
        (await signedHead('GET', `${service.url}/`)).replace(' / ', ` /${'a'.repeat(20_000)} `),
      414,
      'target_too_long',
    ],
    [
      'a long Authorization field',
      async () =>
        (await signedHead('GET', `${service.url}/`)).replace(
          'HMAC-256',
          `HMAC-256${' '.repeat(20_000)}`,
        ),
      401,
      'authorization_malformed',
    ],
    [
      'a field twice',
      async () => `${await signedHead('GET', `${service.url}/`)}X-NONCE: aaaaaaaaaaaaaaaa\r\n`,
      400,
      'header_duplicated',
    ],
    [
      '101 fields',
      async () => `${await signedHead('GET', `${service.url}/`)}${'X-A: 1\r\n'.repeat(100)}`,
      431,
      'headers_too_many',
    ],
    [
      'an old date',
      async () => signedHead('GET', `${service.url}/`, ['--date', 'Wed, 01 Jan 2020 12:00:30 GMT']),
      401,
      'date_expired',
    ],
    ['what is not HTTP', async () => 'hello\r\n', 400, 'header_malformed'],
    [
      'two framings',
      async () =>
        `${await signedHead('POST', `${service.url}/`)}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n`,
      400,
      'header_malformed',
    ],
    [
      'a head above 64 KiB',
      async () => `GET / HTTP/1.1\r\nX: ${'a'.repeat(70_000)}\r\n`,
      431,
      'headers_too_many',
    ],
  ];
  it.each(refusals)('is %s', async (_, head, status, code) => {
    const answer = await exchange(service.port, (await head()) + CLOSE);
    expect({ status: statusOf(answer), code: bodyOf(answer).code }).toEqual({ status, code });
    expect(answer).toMatch(/^Content-Type: application\/problem\+json\r$/m);
  });

  it('is a captured request sent again', async () => {
    const bytes = (await signedHead('GET', `${service.url}/`)) + CLOSE;
    expect(statusOf(await exchange(service.port, bytes))).toBe(200);
    const again = await exchange(service.port, bytes);
    expect({ status: statusOf(again), code: bodyOf(again).code }).toEqual({
      status: 401,
      code: 'nonce_replayed',
    });
  });

  it('is a body that was altered, and the unaltered one is still accepted', async () => {
    const head = await signedHead('POST', `${service.url}/`, ['-d', 'qty=2']);
    const send = (body: string) =>
      exchange(service.port, `${head}Content-Length: 5\r\n${CLOSE}${body}`);
    expect(bodyOf(await send('qty=3')).code).toBe('digest_mismatch');
    expect(statusOf(await send('qty=2'))).toBe(200);
  });

  it('is CONNECT, in the usual form', async () => {
    const head = await signedHead('CONNECT', `${service.url}/`);
    const answer = await exchange(service.port, head.replace(' / ', ' a.example:443 ') + CLOSE);
    expect({ status: statusOf(answer), code: bodyOf(answer).code }).toEqual({
      status: 400,
      code: 'target_malformed',
    });
  });

  it('tells the true code and the string to sign only with --disclosure full', async () => {
    const head = (await signedHead('GET', 'https://api.example.com/a')).replace('/a', '/b') + CLOSE;
    const [full, minimal] = [await exchange(open.port, head), await exchange(service.port, head)];
    expect(bodyOf(full)).toMatchObject({
      code: 'signature_mismatch',
      stringToSign: expect.stringContaining('HMAC-256\norders-service\nGET\n/b\n'),
    });
    expect(bodyOf(minimal)).not.toHaveProperty('stringToSign');
  });
});

describe('Expect: 100-continue', () => {
  /** Sends a head, and the body only if it is asked for. */
  async function expecting(head: string, body: string): Promise<string> {
    const socket = connect(service.port, '127.0.0.1').setEncoding('latin1');
    let text = '';
    let sent = false;
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.startsWith('HTTP/1.1 100') && !sent) {
        sent = true;
        socket.write(body);
      }
    });
    socket.write(`${head}Expect: 100-continue\r\nContent-Length: ${body.length}\r\n${CLOSE}`);
    await once(socket, 'close');
    return text;
  }

  it('asks for the body of a request that is signed', async () => {
    const head = await signedHead('POST', `${service.url}/`, ['-d', 'hello']);
    const answer = await expecting(head, 'hello');
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  });

  it('refuses another without asking for it', async () => {
    const head = (await signedHead('POST', `${service.url}/a`, ['-d', 'hello'])).replace(
      '/a',
      '/b',
    );
    const answer = await expecting(head, 'hello');
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
  });

  it('takes any other expectation as an ordinary request', async () => {
    const head = await signedHead('GET', `${service.url}/`);
    const answer = await exchange(service.port, `${head}Expect: the-unexpected\r\n${CLOSE}`);
    expect(statusOf(answer)).toBe(200);
  });
});
