import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { connect as connectHttp2, constants } from 'node:http2';
import { join } from 'node:path';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { fileLimit, selfSignedCertificate } from '@countersign/test-servers';
import {
  type SignedRequestView,
  signedRequest,
  TEST_KEY_ENTRY,
  Wire,
  withBody,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';
import { proxyTo, service, untilTestEnds } from './proxy-rig.js';

const MIB = 1024 * 1024;
const now = () => Date.now();
const verifierOf = () =>
  createVerifier({
    keys: staticKeys([TEST_KEY_ENTRY]),
    nonces: memoryNonceStore({ start: 'fresh' }),
    hosts: ['api.example.com'],
    maxBodyBytes: 8 * MIB,
  });
const bodyOf = (size: number) => Buffer.alloc(size, 'countersign ');
const post = (body: Buffer) => signedRequest({ now, method: 'POST', body });

/** The same request with its body in chunks. */
function chunked(view: SignedRequestView): Buffer {
  const { method, target, headers, body = Buffer.alloc(0) } = view;
  const fields: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'Content-Length') fields.push(`${headers[i]}: ${headers[i + 1]}\r\n`);
  }
  const pieces: Uint8Array[] = [
    Buffer.from(
      `${method} ${target} HTTP/1.1\r\n${fields.join('')}Transfer-Encoding: chunked\r\n\r\n`,
    ),
  ];
  for (let at = 0; at < body.length; at += 50_000) {
    const piece = body.subarray(at, at + 50_000);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

async function send(port: number, bytes: SignedRequestView | Uint8Array) {
  const wire = await Wire.open(port);
  try {
    return await wire.write(bytes).reply();
  } finally {
    wire.socket.destroy();
  }
}

/** The nameless files that this process holds open. */
const openSpools = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('/countersign-');
    } catch {
      return false; // that of the folder itself
    }
  });

const spooledFiles = (directory: string) =>
  readdirSync(directory).filter((name) => name.startsWith('countersign-'));

describe('a long body', () => {
  async function rig() {
    const behind = await untilTestEnds(service());
    const directory = folder();
    const spool = { memoryBytes: 64 * 1024, directory };
    const proxy = await untilTestEnds(proxyTo(behind.port, verifierOf(), { spool }));
    return { behind, proxy, directory };
  }

  it.each([0, 1, 65_536, 65_537, 3 * MIB])('of %i bytes arrives as it was sent', async (size) => {
    const { behind, proxy, directory } = await rig();
    const body = bodyOf(size);
    expect((await send(proxy.port, post(body))).status).toBe(200);
    expect((await send(proxy.port, chunked(post(body)))).status).toBe(200);
    for (const got of behind.got) expect(got.body.equals(body)).toBe(true);
    expect(behind.got).toHaveLength(2);
    expect(spooledFiles(directory)).toEqual([]);
  });

  it('that was altered is seen by nobody, and uses no nonce up', async () => {
    const { behind, proxy, directory } = await rig();
    const view = post(bodyOf(2 * MIB));
    const other = bodyOf(2 * MIB);
    other[1_999_999] = 0;
    for (const bytes of [withBody(view, other), chunked(withBody(view, other))]) {
      const reply = await send(proxy.port, bytes);
      expect([reply.status, JSON.parse(reply.body).code]).toEqual([401, 'digest_mismatch']);
    }
    expect(behind.got).toEqual([]);
    expect((await send(proxy.port, view)).status).toBe(200);
    expect(spooledFiles(directory)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('leaves no file open, however it ends', async () => {
    const { behind, proxy } = await rig();
    const view = post(bodyOf(MIB));
    const other = bodyOf(MIB);
    other[7] = 0;
    expect((await send(proxy.port, view)).status).toBe(200);
    expect((await send(proxy.port, view)).status).toBe(401); // a replay, found after the body
    expect((await send(proxy.port, withBody(post(bodyOf(MIB)), other))).status).toBe(401);
    expect((await send(proxy.port, post(bodyOf(9 * MIB)))).status).toBe(413);
    const wire = await Wire.open(proxy.port);
    wire.write(chunked(post(bodyOf(MIB))).subarray(0, MIB / 2));
    await expect.poll(openSpools).toHaveLength(1);
    wire.socket.destroy();
    await behind.close();
    expect((await send(proxy.port, post(bodyOf(MIB)))).status).toBe(502);
    await expect.poll(openSpools).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'that the disk has no room for is not kept in part',
    async () => {
      const { behind, proxy } = await rig();
      const view = post(bodyOf(MIB));
      // The last write alone has no room, and for no more than its last byte.
      await fileLimit(`${MIB - 1}`);
      const reply = await send(proxy.port, chunked(view)).finally(() => fileLimit('unlimited'));
      expect([reply.status, JSON.parse(reply.body).code]).toEqual([500, 'body_unavailable']);
      expect(behind.got).toEqual([]);
      expect((await send(proxy.port, chunked(view))).status).toBe(200);
    },
  );

  it('waits in the folder that is named, relative to the configuration', async () => {
    const behind = await untilTestEnds(service());
    const upstream = `http://127.0.0.1:${behind.port}`;
    const proxy = { listen: '127.0.0.1:0', upstream, memoryBytes: 0, spoolDirectory: 'spool' };
    const { directory, port } = await gatewayOf({ proxy });
    mkdirSync(join(directory, 'spool'));
    expect((await send(port('proxy'), post(bodyOf(1)))).status).toBe(200);
  });

  it('that is too long is refused before it is read, or where it becomes so', async () => {
    const { behind, proxy } = await rig();
    const view = post(bodyOf(9 * MIB));
    expect((await send(proxy.port, chunked(view))).status).toBe(413);
    expect((await send(proxy.port, view)).status).toBe(413);
    expect(behind.got).toEqual([]);
  });

  it('that ends early is refused', async () => {
    const { behind, proxy } = await rig();
    const bytes = chunked(post(bodyOf(MIB)));
    const wire = await Wire.open(proxy.port);
    wire.write(bytes.subarray(0, MIB / 2)).socket.end();
    const reply = await wire.reply().catch(() => undefined);
    expect(reply?.status ?? 400).toBe(400);
    wire.socket.destroy();
    expect(behind.got).toEqual([]);
  });
});

describe('a body that streams', () => {
  async function rig() {
    const behind = await untilTestEnds(service());
    const verifier = verifierOf();
    const proxy = await untilTestEnds(
      proxyTo(behind.port, verifier, {
        streams: (method) => method === 'POST',
        streamVerifier: verifier.route({ body: 'stream' }),
      }),
    );
    return { behind, proxy };
  }

  it.each([0, 1, 65_537, 3 * MIB])('of %i bytes arrives as it was sent', async (size) => {
    const { behind, proxy } = await rig();
    const body = bodyOf(size);
    expect((await send(proxy.port, post(body))).status).toBe(200);
    expect((await send(proxy.port, chunked(post(body)))).status).toBe(200);
    for (const got of behind.got)
      expect([got.complete, got.body.equals(body)]).toEqual([true, true]);
  });

  it('and was altered never arrives whole', async () => {
    const { behind, proxy } = await rig();
    const view = post(bodyOf(2 * MIB));
    const other = bodyOf(2 * MIB);
    other[7] = 0;
    for (const bytes of [withBody(view, other), chunked(withBody(post(bodyOf(2 * MIB)), other))]) {
      const reply = await send(proxy.port, bytes);
      expect([reply.status, JSON.parse(reply.body).code]).toEqual([401, 'digest_mismatch']);
    }
    await expect.poll(() => behind.got.length).toBe(2);
    for (const got of behind.got) {
      expect(got.complete).toBe(false);
      expect(got.body.length).toBeLessThan(other.length);
    }
  });
});

describe('HTTPS', () => {
  it('is spoken in both versions, and told to the service', async () => {
    const behind = await untilTestEnds(service());
    const { certFile, keyFile } = await selfSignedCertificate(folder());
    const { port } = await gatewayOf({
      proxy: {
        listen: '127.0.0.1:0',
        upstream: `http://127.0.0.1:${behind.port}`,
        tls: { cert: certFile, key: keyFile },
      },
      policy: { routes: ['* /**'], https: true },
    });
    const session = connectHttp2(`https://127.0.0.1:${port('proxy')}`, {
      rejectUnauthorized: false,
    });
    const { headers, body } = post(Buffer.from('over HTTP/2'));
    const fields = Object.fromEntries(
      headers.flatMap((name, i) =>
        i % 2 === 0 && name !== 'Host' ? [[name.toLowerCase(), headers[i + 1] as string]] : [],
      ),
    );
    const stream = session.request({
      ':method': 'POST',
      ':path': '/',
      ':authority': 'api.example.com',
      ...fields,
      cookie: ['a=1', 'b=2'],
    });
    stream.end(body);
    const status = await new Promise((resolve) =>
      stream.once('response', (answer) => resolve(answer[constants.HTTP2_HEADER_STATUS])),
    );
    let text = '';
    for await (const piece of stream) text += piece;
    session.close();
    expect([status, text]).toEqual([200, 'done']);
    const [got] = behind.got;
    expect(`${got?.body}`).toBe('over HTTP/2');
    expect(got?.headers).toContain('https');
    expect(got?.headers).toContain('a=1; b=2');
    expect(got?.headers).toContain('api.example.com');
  });
});
