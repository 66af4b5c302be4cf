import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createSecureServer, connect as openHttp2 } from 'node:http2';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { selfSignedCertificate } from '@countersign/test-servers';
import { signedRequest, TEST_KEY, TEST_KEY_ENTRY, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { createEgressProxy } from '../src/egress/egress-proxy.js';
import { attachReverseProxy } from '../src/proxy/attach-reverse-proxy.js';
import { createReverseProxy } from '../src/proxy/reverse-proxy.js';
import { Upstreams } from '../src/proxy/upstreams.js';
import { folder } from './gateway-rig.js';
import { listening, proxyTo, type Running, untilTestEnds } from './proxy-rig.js';

const now = () => Date.now();
const verifierOf = () =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
  });

/** A service that answers with these bytes, and hangs up so many milliseconds later. */
const answering = (bytes: string, hangsUp?: number) =>
  untilTestEnds(
    listening(
      createTcpServer((socket: Socket) => {
        socket
          .on('error', () => {})
          .once('data', () => {
            socket.write(bytes, 'latin1');
            if (hangsUp !== undefined) setTimeout(() => socket.destroy(), hangsUp);
          });
      }) as never,
    ),
  );

async function overHttp1(port: number) {
  const wire = await Wire.open(port);
  try {
    const { status, headers, body } = await wire.write(signedRequest({ now })).reply();
    return { status, type: headers.get('content-type'), body };
  } finally {
    wire.socket.destroy();
  }
}

/** A proxy that speaks HTTP/2. */
async function http2ProxyTo(port: number): Promise<Running> {
  const verifier = verifierOf();
  const upstreams = new Upstreams({ origins: [`http://127.0.0.1:${port}`] });
  const proxy = createReverseProxy({ verifier, upstreams });
  const { cert, keyFile } = await selfSignedCertificate(folder());
  const server = createSecureServer({ allowHTTP1: true, cert, key: readFileSync(keyFile) });
  attachReverseProxy(
    server,
    () => proxy,
    () => verifier,
  );
  const running = await listening(server as never);
  return {
    port: running.port,
    async close() {
      await running.close();
      await upstreams.destroy();
    },
  };
}

async function egressTo(port: number): Promise<Running> {
  const egress = createEgressProxy({ ...TEST_KEY, origin: `http://127.0.0.1:${port}` });
  const running = await listening(createServer(egress.listener));
  return {
    port: running.port,
    async close() {
      await running.close();
      await egress.close();
    },
  };
}

async function overHttp2(port: number) {
  const session = openHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  const { headers } = signedRequest({ now });
  const fields = headers.flatMap((name, i) =>
    i % 2 === 0 && name !== 'Host' ? [[name.toLowerCase(), headers[i + 1] as string]] : [],
  );
  try {
    const stream = session.request({
      ...{ ':method': 'GET', ':path': '/', ':authority': 'api.example.com' },
      ...Object.fromEntries(fields),
    });
    const [head] = await once(stream, 'response');
    return { status: head[':status'], type: head['content-type'], body: await text(stream) };
  } finally {
    session.destroy();
  }
}

const END = 'Content-Length: 2\r\n\r\nok';
const PASSED: [string, string][] = [
  ['a reason with a control', `HTTP/1.1 200 O\x01K\r\n${END}`],
  ['a reason of Latin-1', `HTTP/1.1 200 caf\xe9\r\n${END}`],
  ['a reason of UTF-8', `HTTP/1.1 200 ${Buffer.from('找不到').toString('latin1')}\r\n${END}`],
  ['a value of Latin-1', `HTTP/1.1 200 OK\r\nX-A: caf\xe9\r\n${END}`],
];
const MALFORMED: [string, string][] = [
  ['a status of 999', `HTTP/1.1 999 Odd\r\n${END}`],
  ['a status of 600', `HTTP/1.1 600 Odd\r\n${END}`],
  ['a status of 099', `HTTP/1.1 099 Odd\r\n${END}`],
  ['a status of 000', `HTTP/1.1 000 Odd\r\n${END}`],
  ['a value with a control', `HTTP/1.1 200 OK\r\nX-A: a\x01b\r\n${END}`],
  ['a delete in a value', `HTTP/1.1 200 OK\r\nX-A: \x7f\r\n${END}`],
  ['a folded field', `HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\n${END}`],
  ['a name that is none', `HTTP/1.1 200 OK\r\nX A: a\r\n${END}`],
  ['a pseudo field', `HTTP/1.1 200 OK\r\n:path: /\r\n${END}`],
  ['two lengths', `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n${END}`],
  ['another protocol, unasked', 'HTTP/1.1 101 Odd\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
];

describe.each([
  ['HTTP/1.1', overHttp1, (port: number) => proxyTo(port, verifierOf())],
  ['HTTP/2', overHttp2, http2ProxyTo],
  ['a proxy that signs', overHttp1, egressTo],
] as const)('over %s', (_, ask, start) => {
  it.each(PASSED)('%s is passed on, or cut off where it ends early', async (_, bytes) => {
    const behind = await answering(bytes);
    const proxy = await untilTestEnds(start(behind.port));
    expect(await ask(proxy.port)).toMatchObject({ status: 200, body: 'ok' });
    const early = await answering(bytes.replace(/ok$/, ''), 200);
    const other = await untilTestEnds(start(early.port));
    await expect(ask(other.port)).rejects.toThrow(/closed after|NGHTTP2_INTERNAL_ERROR/);
  });

  it.each(MALFORMED)('%s is 502, however late its body', async (_, bytes) => {
    for (const answer of [bytes, bytes.replace(/ok$/, '')]) {
      const behind = await answering(answer);
      const proxy = await untilTestEnds(start(behind.port));
      const refused = { status: 502, type: 'application/problem+json' };
      expect(await ask(proxy.port)).toMatchObject(refused);
    }
  });
});
