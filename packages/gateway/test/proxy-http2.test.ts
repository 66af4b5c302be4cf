import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { selfSignedCertificate } from '@countersign/test-servers';
import { type SignedRequestView, signedRequest, withBody } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';
import { service, untilTestEnds } from './proxy-rig.js';

const now = () => Date.now();
const BODY = Buffer.alloc(300_000, 'countersign ');

function open(session: ClientHttp2Session, view: SignedRequestView): ClientHttp2Stream {
  const fields = view.headers.flatMap((name, i) =>
    i % 2 === 0 && name !== 'Host' ? [[name.toLowerCase(), view.headers[i + 1] as string]] : [],
  );
  const stream = session.request({
    ...{ ':method': view.method, ':path': view.target, ':authority': 'api.example.com' },
    ...Object.fromEntries(fields),
  });
  stream.on('error', () => {}).end(view.body);
  return stream;
}

async function send(session: ClientHttp2Session, view: SignedRequestView) {
  const stream = open(session, view);
  const trailers = once(stream, 'trailers').then(([got]) => got['x-sum']);
  const [head] = await once(stream, 'response');
  const body = await text(stream);
  return { status: head[':status'], body, sum: await Promise.race([trailers, 'none']) };
}

describe('over HTTP/2', () => {
  async function rig(policy: object = { routes: ['* /**'], https: true }) {
    const behind = await untilTestEnds(
      service((_, response) => {
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write('do');
        response.addTrailers({ 'X-Sum': '7' });
        response.end('ne');
      }),
    );
    const { certFile, keyFile } = await selfSignedCertificate(folder());
    const tls = { cert: certFile, key: keyFile };
    const { port } = await gatewayOf({
      proxy: {
        ...{ listen: '127.0.0.1:0', upstream: `http://127.0.0.1:${behind.port}`, tls },
        ...{ memoryBytes: 1_000, stream: { routes: ['POST /stream'] } },
      },
      policy,
    });
    const session = connect(`https://127.0.0.1:${port('proxy')}`, { rejectUnauthorized: false });
    session.on('error', () => {});
    return { behind, session };
  }
  const post = (path: string) =>
    signedRequest({ now, method: 'POST', url: `https://api.example.com${path}`, body: BODY });

  it.each(['/spooled', '/stream'])('bodies and trailers pass: %s', async (path) => {
    const { behind, session } = await rig();
    expect(await send(session, post(path))).toEqual({ status: 200, body: 'done', sum: '7' });
    expect(behind.got.map((got) => [got.complete, got.body.equals(BODY)])).toEqual([[true, true]]);
    session.destroy();
  });

  it.each(['/spooled', '/stream'])('an altered body does not pass: %s', async (path) => {
    const { behind, session } = await rig();
    const other = Buffer.from(BODY);
    other[7] = 0;
    const { status, body } = await send(session, withBody(post(path), other));
    expect([status, JSON.parse(body).code]).toEqual([401, 'digest_mismatch']);
    await setTimeout(50);
    expect(behind.got.filter(({ complete }) => complete)).toEqual([]);
    if (path === '/spooled') expect(behind.got).toEqual([]);
    session.destroy();
  });

  it('rules on addresses hold', async () => {
    const rule = { path: '/**', methods: ['*'], denyAddresses: ['127.0.0.0/8'] };
    const { behind, session } = await rig({ routes: [rule] });
    const { status, body } = await send(session, post('/a'));
    expect([status, JSON.parse(body).code]).toEqual([403, 'address_not_allowed']);
    expect(behind.got).toEqual([]);
    session.destroy();
  });
});

describe('a caller that resets its stream before its turn', () => {
  it('holds neither a connection to the service nor the end of the gateway', async () => {
    const waiting: (() => void)[] = [];
    const behind = await untilTestEnds(
      service((_, response) => void waiting.push(() => response.end(BODY))),
    );
    const { certFile, keyFile } = await selfSignedCertificate(folder());
    const { gateway, port } = await gatewayOf({
      proxy: {
        ...{ listen: '127.0.0.1:0', tls: { cert: certFile, key: keyFile } },
        upstream: { origins: [`http://127.0.0.1:${behind.port}`], connections: 1 },
      },
    });
    const session = connect(`https://127.0.0.1:${port('proxy')}`, { rejectUnauthorized: false });
    const view = () => signedRequest({ now, url: 'https://api.example.com/a' });
    const first = send(session, view());
    await expect.poll(() => waiting).toHaveLength(1);
    const stream = open(session, view());
    await setTimeout(100); // it waits behind the first
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, 'close');
    await setTimeout(50);
    waiting[0]?.();
    expect((await first).status).toBe(200);
    const last = send(session, view());
    await expect.poll(() => behind.got.length).toBeGreaterThan(1);
    const answering = setInterval(() => waiting.pop()?.(), 10);
    expect((await last).status).toBe(200);
    clearInterval(answering);
    session.close();
    await gateway.close();
  });
});
