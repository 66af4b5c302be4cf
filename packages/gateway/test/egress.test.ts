import { statSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { protect } from '@countersign/server/node';
import { freePort } from '@countersign/test-servers';
import { TEST_KEY, TEST_KEY_ENTRY, Wire } from '@countersign/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';
import { listening, service, untilTestEnds } from './proxy-rig.js';

const BILLING = 'csk_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8';

/** A service that verifies and says who called. */
async function verifying(options = {}) {
  const port = await freePort();
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY, { credential: 'billing', secrets: [{ secret: BILLING }] }]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: [`127.0.0.1:${port}`],
    ...options,
  });
  const server = createServer(
    protect(verifier, (request, response, { identity, body }) => {
      response.end(`${identity.credential} ${request.method} ${request.url} ${Buffer.from(body)}`);
    }),
  );
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, port };
}

/** A signing proxy to it; where that listens. */
async function proxying(port: number, more = {}) {
  const at = await freePort();
  const { credential } = TEST_KEY;
  const origin = `http://127.0.0.1:${port}`;
  const one = { listen: `127.0.0.1:${at}`, origin, credential, secret: 'env:SECRET', ...more };
  await gatewayOf({ egress: [one] });
  return at;
}

async function ready(more = {}, options = {}) {
  const { server, port } = await verifying(options);
  return { at: await proxying(port, more), server };
}

const call = async (port: number, path: string, init: RequestInit = {}) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return [response.status, await response.text()];
};

describe('egress', () => {
  it('signs what it is sent, and passes the answer back', async () => {
    const { at, server } = await ready();
    expect(await call(at, '/v1/orders?b=2&a=%7e')).toEqual([
      200,
      'orders-service GET /v1/orders?b=2&a=%7e ',
    ]);
    const init = {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'Content-Type': 'application/json' },
    };
    expect(await call(at, '/v1/orders', init)).toEqual([
      200,
      'orders-service POST /v1/orders {"a":1}',
    ]);
    server.close();
  });

  it('signs with the key of the route', async () => {
    const { at, server } = await ready({
      routes: [{ path: '/v1/billing/**', credential: 'billing', secret: BILLING }],
    });
    expect((await call(at, '/v1/billing/7'))[1]).toMatch(/^billing /);
    expect((await call(at, '/v1/other'))[1]).toMatch(/^orders-service /);
    server.close();
  });

  it('tells a refusal as it came', async () => {
    const { at, server } = await ready({}, { hosts: ['elsewhere.example'] });
    const [status, body] = await call(at, '/');
    expect([status, JSON.parse(body as string).code]).toEqual([421, 'host_not_allowed']);
    server.close();
  });

  it('takes only answers that are signed, if it must', async () => {
    const signed = await ready({ requireSignedResponse: true }, { signResponses: true });
    expect((await call(signed.at, '/'))[0]).toBe(200);
    signed.server.close();
    const unsigned = await ready({ requireSignedResponse: true });
    const [status, body] = await call(unsigned.at, '/');
    expect([status, JSON.parse(body as string).code]).toEqual([502, 'response_unsigned']);
    unsigned.server.close();
  });

  it.each([
    ['another name', 'Host: evil.example', 421, 'host_not_allowed'],
    ['a web page', 'Host: HERE\r\nOrigin: https://evil.example', 403, 'browser_not_allowed'],
    [
      'a web page of its own',
      'Host: HERE\r\nSec-Fetch-Site: same-origin',
      403,
      'browser_not_allowed',
    ],
    ['two names', 'Host: HERE\r\nHost: evil.example', 421, 'host_not_allowed'],
    ['its name twice', 'Host: HERE\r\nhost: HERE', 421, 'host_not_allowed'],
  ])('does not sign for %s', async (_, head, status, code) => {
    const { at, server } = await ready();
    const wire = await Wire.open(at);
    const lines = head.replaceAll('HERE', `127.0.0.1:${at}`);
    const reply = await wire.write(`GET / HTTP/1.1\r\n${lines}\r\n\r\n`).reply();
    wire.socket.destroy();
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([status, code]);
    server.close();
  });

  it('does not sign what no verifier takes, nor what is too long', async () => {
    const { at, server } = await ready({ maxBodyBytes: 10 });
    const wire = await Wire.open(at);
    const head = `Host: 127.0.0.1:${at}\r\n`;
    const reply = await wire.write(`GET //a HTTP/1.1\r\n${head}\r\n`).reply();
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([400, 'request_unsignable']);
    wire.socket.destroy();
    expect((await call(at, '/', { method: 'POST', body: 'x'.repeat(11) }))[0]).toBe(413);
    server.close();
  });

  it('tells that nobody answers', async () => {
    const { at, server } = await ready();
    server.close();
    server.closeAllConnections();
    expect((await call(at, '/'))[0]).toBe(502);
  });

  it('sends again what may be sent again, each time signed anew', async () => {
    const nonces: string[] = [];
    const flaky = await untilTestEnds(
      listening(
        createServer((request, response) => {
          nonces.push(request.headers['x-nonce'] as string);
          if (nonces.length < 3) response.writeHead(503, { 'Retry-After': '0' }).end();
          else response.end('at last');
        }),
      ),
    );
    const at = await freePort();
    await gatewayOf({
      egress: [
        {
          listen: `127.0.0.1:${at}`,
          origin: `http://127.0.0.1:${flaky.port}`,
          credential: 'a',
          secret: 'env:SECRET',
          retries: 3,
        },
      ],
    });
    expect(await call(at, '/')).toEqual([200, 'at last']);
    expect(new Set(nonces).size).toBe(3);
  });

  it('sends each retry with a signature that holds, once', async () => {
    const { server, port } = await verifying();
    let dropped = 0;
    // The first attempt is lost before it is read, the second is answered.
    server.prependListener('request', (request) => {
      if (dropped++ === 0) request.socket.destroy();
    });
    const at = await proxying(port, { retries: 2 });
    expect((await call(at, '/a'))[1]).toBe('orders-service GET /a ');
    expect(dropped).toBe(2);
    server.close();
  });

  it('drops what belongs to the connection, and what only the signer may say', async () => {
    const behind = await untilTestEnds(service());
    const at = await proxying(behind.port);
    const wire = await Wire.open(at);
    const lines = [
      `POST /a HTTP/1.1\r\nHost: 127.0.0.1:${at}`,
      'Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 2\r\nTE: trailers',
      'Authorization: Bearer mine\r\nX-Nonce: mine\r\nDate: mine\r\nContent-Digest: mine',
      'X-Kept: kept\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: 1\r\n\r\n',
    ];
    expect((await wire.write(lines.join('\r\n')).reply()).status).toBe(200);
    const [got] = behind.got;
    const names = got?.headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    expect(names).not.toEqual(expect.arrayContaining(['x-hop']));
    for (const name of ['keep-alive', 'te', 'x-trailer', 'transfer-encoding']) {
      expect(names).not.toContain(name);
    }
    expect(got?.headers).not.toContain('mine');
    expect([got?.headers.includes('kept'), `${got?.body}`]).toEqual([true, 'x']);
    wire.socket.destroy();
  });

  it('listens at a socket of Unix, which needs no name', async () => {
    const { server, port } = await verifying();
    const path = join(folder(), 'egress.sock');
    await proxying(port, { listen: `unix:${path}` });
    const answer = await new Promise<string>((resolve, reject) => {
      get({ socketPath: path, path: '/a', headers: { Host: 'anything' } }, async (response) => {
        resolve(`${response.statusCode} ${await text(response)}`);
      }).on('error', reject);
    });
    expect(answer).toBe('200 orders-service GET /a ');
    server.close();
  });

  it.each([
    ['nobody but its owner', {}, 0o600],
    ['its group too, if it is told to', { allowGroup: true }, 0o660],
  ])('is reached at such a socket by %s', async (_, more, mode) => {
    const path = join(folder(), 'egress.sock');
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const { credential } = TEST_KEY;
    const one = { origin: 'http://127.0.0.1:9', credential, secret: 'env:SECRET', ...more };
    await gatewayOf({ audit: { to: 'none' }, egress: [{ listen: `unix:${path}`, ...one }] });
    expect(statSync(path).mode & 0o777).toBe(mode);
    expect(process.umask()).toBe(0);
  });

  it.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'example.com:0'])(
    'does not start at %s, unless it is told to',
    async (listen) => {
      const options = {
        listen,
        origin: 'http://127.0.0.1:9',
        credential: 'a',
        secret: 'env:SECRET',
      };
      await expect(gatewayOf({ egress: [options] })).rejects.toThrow(
        `egress[0].listen: ${listen} can be reached from other machines`,
      );
      if (listen !== '0.0.0.0:0') return;
      const { port } = await gatewayOf({ egress: [{ ...options, allowRemote: true }] });
      expect(port('egress[0]')).toBeGreaterThan(0);
    },
  );

  it.each([
    ['8-bit bytes in a signed field', 'Content-Type: caf\xe9'],
    ['a field twice that must be there once', 'Content-Type: a/b\r\nContent-Type: c/d'],
    ['two encodings', 'Content-Encoding: gzip\r\nContent-Encoding: br'],
    ['an upgrade', 'Connection: Upgrade\r\nUpgrade: websocket'],
    ['what it expects', 'Expect: a miracle'],
  ])('answers whatever it is asked, and goes on: %s', async (_, head) => {
    const { at, server } = await ready();
    const wire = await Wire.open(at);
    const lines = `POST /a HTTP/1.1\r\nHost: 127.0.0.1:${at}\r\nContent-Length: 1\r\n${head}`;
    const { status } = await wire.write(`${lines}\r\n\r\nx`).reply();
    expect([200, 400, 417]).toContain(status);
    wire.socket.destroy();
    expect((await call(at, '/b'))[0]).toBe(200);
    server.close();
  });

  it('does not wait for ever for a body', async () => {
    const { at, server } = await ready({ bodyTimeout: 200 });
    const wire = await Wire.open(at);
    const head = `POST /a HTTP/1.1\r\nHost: 127.0.0.1:${at}\r\nContent-Length: 9\r\n\r\n`;
    const reply = await wire.write(`${head}some`).reply();
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([408, 'body_timeout']);
    wire.socket.destroy();
    server.close();
  });
});
