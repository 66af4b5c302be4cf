import { createServer as createTcpServer } from 'node:net';
import { createSigner, ResponseFaultError, signedFetch } from '@countersign/client';
import { freePort } from '@countersign/test-servers';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { gatewayOf } from './gateway-rig.js';
import { listening, service, untilTestEnds } from './proxy-rig.js';

/** A gateway that signs answers, and a client that takes no others. */
async function ready(upstream: number, more = {}) {
  const port = await freePort();
  await gatewayOf({
    hosts: [`127.0.0.1:${port}`],
    proxy: { listen: `127.0.0.1:${port}`, upstream: `http://127.0.0.1:${upstream}`, ...more },
    signResponses: true,
    policy: { routes: ['* /**'], signedResponses: true, payload: { maxDepth: 2 } },
  });
  const origin = `http://127.0.0.1:${port}`;
  const signer = createSigner(TEST_KEY);
  const call = signedFetch(signer, { origins: [origin], requireSignedResponse: true });
  return (path = '/', init = {}) => call(`${origin}${path}`, init);
}

describe('an answer that is signed by the gateway', () => {
  it.each(['GET', 'HEAD', 'POST'])('to %s is that of the service', async (method) => {
    const behind = await untilTestEnds(
      service((_, response) => {
        response.writeHead(201, [
          ...['Content-Type', 'application/json', 'X-Case', 'kept'],
          ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
        ]);
        response.write('{"id"');
        response.addTrailers({ 'X-Sum': '7' });
        response.end(':7}');
      }),
    );
    const call = await ready(behind.port);
    const answer = await call('/', { method });
    expect([answer.status, await answer.text()]).toEqual([
      201,
      method === 'HEAD' ? '' : '{"id":7}',
    ]);
    expect(answer.headers.get('authentication-info')).toMatch(/^SignedHeaders=.*,Signature=/);
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answer.headers.get('x-case')).toBe('kept');
  });

  it('may be that there is none', async () => {
    const call = await ready(await freePort());
    const answer = await call();
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { code: 'upstream_unavailable' },
    ]);
  });

  it('is never half of one that was cut off', async () => {
    const behind = await untilTestEnds(
      listening(
        createTcpServer((socket) => {
          socket
            .on('error', () => {})
            .once('data', () => {
              socket.write('HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 100\r\n\r\nhalf');
              setTimeout(() => socket.destroy(), 50);
            });
        }) as never,
      ),
    );
    const call = await ready(behind.port);
    const answer = await call();
    expect([answer.status, answer.headers.get('x-a')]).toEqual([502, null]);
    expect(await answer.json()).toMatchObject({ code: 'upstream_unavailable' });
  });

  it('may be that it is too long', async () => {
    const behind = await untilTestEnds(
      service((_, response) => response.end(Buffer.alloc(11 * 1024 * 1024))),
    );
    const answer = await (await ready(behind.port))();
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { code: 'response_too_long' },
    ]);
  });

  it('is that of the gateway on what a rule has against a body', async () => {
    const behind = await untilTestEnds(service());
    const call = await ready(behind.port);
    const headers = { 'Content-Type': 'application/json' };
    const answer = await call('/', { method: 'POST', body: '[[[1]]]', headers });
    expect([answer.status, await answer.json()]).toMatchObject([
      422,
      { code: 'payload_too_complex' },
    ]);
    expect(behind.got).toEqual([]);
  });

  it('is a refusal, once the signature holds, and none before', async () => {
    const behind = await untilTestEnds(service());
    const port = await freePort();
    await gatewayOf({
      hosts: [`127.0.0.1:${port}`],
      proxy: { listen: `127.0.0.1:${port}`, upstream: `http://127.0.0.1:${behind.port}` },
      signResponses: true,
      policy: { routes: ['GET /a'] },
    });
    const origin = `http://127.0.0.1:${port}`;
    const strict = (secret: string) =>
      signedFetch(createSigner({ ...TEST_KEY, secret }), {
        origins: [origin],
        requireSignedResponse: true,
      });
    const answer = await strict(TEST_KEY.secret)(`${origin}/b`);
    expect([answer.status, (await answer.json()).code]).toEqual([403, 'permission_denied']);
    const wrong = strict('csk_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8')(`${origin}/a`);
    await expect(wrong).rejects.toThrow(ResponseFaultError);
    expect(behind.got).toEqual([]);
  });
});
