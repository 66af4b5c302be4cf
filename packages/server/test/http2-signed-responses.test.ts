import {
  checkResponse,
  HeaderFields,
  parseAuthorization,
  Refusal,
  Secret,
} from '@countersign/core';
import { headerOf, type SignedRequestView, TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { type Answer, type Handler, send, signed, startHttp2 } from './http2-rig.js';

/** What a client that asks for signed answers would find wrong with this one. */
function faultOf(view: SignedRequestView, { status, headers, body }: Answer): string | undefined {
  const claim = parseAuthorization(headerOf(view, 'authorization') ?? '');
  if (claim instanceof Refusal) throw new Error('unreadable');
  const pairs = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
  const fields = new HeaderFields(pairs.flat() as string[]);
  const request = { ...claim, secret: Secret.from(TEST_KEY.secret) };
  return checkResponse({ status, fields, body }, request)?.reason;
}

describe('signed responses over HTTP/2', () => {
  it.each<[string, Handler, status: number, body: string]>([
    ['one piece', (_, response) => response.end('done'), 200, 'done'],
    [
      'pieces, with a head of their own',
      (_, response) => {
        response.writeHead(201, { 'Content-Type': 'text/plain', 'X-Order': '7' });
        response.write('do');
        response.end('ne');
      },
      201,
      'done',
    ],
    ['no body', (_, response) => response.writeHead(204).end(), 204, ''],
  ])('hold for %s', async (_, handler, status, body) => {
    const { session } = await startHttp2({ handler, signResponses: true });
    const view = signed();
    const answer = await send(session, view);
    expect([answer.status, String(answer.body)]).toEqual([status, body]);
    expect(faultOf(view, answer)).toBeUndefined();
    expect(faultOf(view, { ...answer, status: 202 })).toBe('signature_mismatch');
    expect(faultOf(signed(), answer)).toBe('signature_mismatch');
    if (body !== '')
      expect(faultOf(view, { ...answer, body: Buffer.from('gone') })).toBe('digest_mismatch');
  });

  it('hold for HEAD, and for the refusal of a replay', async () => {
    const handler: Handler = (_, response) => response.end('done');
    const { session } = await startHttp2({ handler, signResponses: true });
    const view = signed({ method: 'HEAD', headers: {}, body: null });
    for (const status of [200, 401]) {
      const answer = await send(session, view);
      expect([answer.status, answer.body.length]).toEqual([status, 0]);
      if (status === 200) expect(faultOf(view, answer)).toBeUndefined();
    }
    const post = signed();
    await send(session, post);
    const replayed = await send(session, post);
    expect(JSON.parse(String(replayed.body)).code).toBe('nonce_replayed');
    expect(faultOf(post, replayed)).toBeUndefined();
  });

  it('are a 500, signed, in place of more bytes than are signed', async () => {
    const handler: Handler = (_, response) => response.end('x'.repeat(21));
    const { session } = await startHttp2({ handler, signResponses: true, maxResponseBytes: 20 });
    const view = signed();
    const answer = await send(session, view);
    expect([answer.status, String(answer.body)]).toEqual([
      500,
      expect.stringContaining('more than 20 bytes'),
    ]);
    expect(faultOf(view, answer)).toBeUndefined();
  });
});
