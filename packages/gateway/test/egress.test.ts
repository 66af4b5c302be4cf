import { createServer } from 'node:http';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { protect } from '@countersign/server/node';
import { freePort } from '@countersign/test-servers';
import { TEST_KEY, TEST_KEY_ENTRY, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { gatewayOf } from './gateway-rig.js';
import { listening, untilTestEnds } from './proxy-rig.js';

const BILLING = 'csk_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8';

/** A service that verifies and says who called, and a signing proxy to it. */
async function ready(more = {}, options = {}) {
  const port = await freePort();
  const hosts = [`127.0.0.1:${port}`];
  const verifier = createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY, { credential: 'billing', secrets: [{ secret: BILLING }] }]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts,
    ...options,
  });
  const server = createServer(
    protect(verifier, (request, response, { identity, body }) => {
      response.end(`${identity.credential} ${request.method} ${request.url} ${Buffer.from(body)}`);
    }),
  );
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const at = await freePort();
  await gatewayOf({
    egress: [
      {
        listen: `127.0.0.1:${at}`,
        origin: `http://127.0.0.1:${port}`,
        credential: TEST_KEY.credential,
        secret: 'env:SECRET',
        ...more,
      },
    ],
  });
  return { at, server };
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
  ])('does not sign for %s', async (_, head, status, code) => {
    const { at, server } = await ready();
    const wire = await Wire.open(at);
    const lines = head.replace('HERE', `127.0.0.1:${at}`);
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
});
