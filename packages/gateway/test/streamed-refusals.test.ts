import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { type SignedRequestView, signedRequest, TEST_KEY_ENTRY, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { proxyTo, service, untilTestEnds } from './proxy-rig.js';

// Bodies that come with their heads, so that they are judged before the service is asked, and those that come while it is.

const verifier = createVerifier({
  keys: staticKeys([TEST_KEY_ENTRY]),
  nonces: memoryNonceStore({ start: 'fresh' }),
  hosts: ['api.example.com'],
  maxBodyBytes: 10,
});
const streamed = verifier.route({ body: 'stream' });

async function rig() {
  const behind = await untilTestEnds(service());
  const more = { streams: () => true, streamVerifier: streamed };
  return { behind, proxy: await untilTestEnds(proxyTo(behind.port, verifier, more)) };
}

/** A request signed for one body, with another one in chunks. */
function withChunks(view: SignedRequestView, ...chunks: readonly string[]): string {
  const { method, target, headers } = view;
  const fields: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'Content-Length') fields.push(`${headers[i]}: ${headers[i + 1]}\r\n`);
  }
  const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  return `${method} ${target} HTTP/1.1\r\n${fields.join('')}Transfer-Encoding: chunked\r\n\r\n${body}0\r\n\r\n`;
}

const signed = () => signedRequest({ now: () => Date.now(), method: 'PUT', body: 'hello' });

describe('a streamed body that does not hold reaches no service whole, nor as an empty one', () => {
  it.each([
    ['too long, in one chunk', ['hello world'], 413, 'body_too_large'],
    ['too long, in two chunks', ['hello ', 'world'], 413, 'body_too_large'],
    ['another one', ['hellO'], 401, 'digest_mismatch'],
    ['none at all', [], 401, 'digest_mismatch'],
  ])('%s', async (_, chunks, status, code) => {
    const { behind, proxy } = await rig();
    for (let again = 0; again < 12; again++) {
      const wire = await Wire.open(proxy.port);
      const reply = await wire.write(withChunks(signed(), ...chunks)).reply();
      wire.socket.destroy();
      expect([reply.status, JSON.parse(reply.body).code]).toEqual([status, code]);
    }
    expect(behind.got.filter(({ complete }) => complete)).toEqual([]);
  });

  it('and one that holds arrives', async () => {
    const { behind, proxy } = await rig();
    const wire = await Wire.open(proxy.port);
    expect((await wire.write(withChunks(signed(), 'hel', 'lo')).reply()).status).toBe(200);
    wire.socket.destroy();
    expect(behind.got.map(({ body, complete }) => [`${body}`, complete])).toEqual([
      ['hello', true],
    ]);
  });
});
