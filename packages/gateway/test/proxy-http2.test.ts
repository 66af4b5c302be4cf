import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import { selfSignedCertificate } from '@countersign/test-servers';
import { type SignedRequestView, signedRequest, withBody } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';
import { service, untilTestEnds } from './proxy-rig.js';

const now = () => Date.now();
const BODY = Buffer.alloc(300_000, 'countersign ');
async function send(session: ClientHttp2Session, view: SignedRequestView) {
  const fields = view.headers.flatMap((name, i) =>
    i % 2 === 0 && name !== 'Host' ? [[name.toLowerCase(), view.headers[i + 1] as string]] : [],
  );
  const stream = session.request({
    ...{ ':method': view.method, ':path': view.target, ':authority': 'api.example.com' },
    ...Object.fromEntries(fields),
  });
  const trailers = once(stream, 'trailers').then(([got]) => got['x-sum']);
  stream.on('error', () => {}).end(view.body);
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
    await new Promise((resolve) => setTimeout(resolve, 50));
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
