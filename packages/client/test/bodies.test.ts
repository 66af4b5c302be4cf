import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type AnyBody, createSigner, signedFetch } from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { FETCHES, signedBy } from './fetches.js';
import { type Echo, startEcho, startListener, startServer } from './servers.js';

const digestOf = (text: string) =>
  `sha-256=:${createHash('sha256').update(text).digest('base64')}:`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

async function* pieces(...texts: readonly (string | Uint8Array)[]) {
  yield* texts;
}
const digested = (text: string, more = {}) => ({
  digest: digestOf(text),
  length: text.length,
  async *open() {
    yield Buffer.from(text.slice(0, 3));
    yield Buffer.from(text.slice(3));
  },
  ...more,
});

describe.each(FETCHES)('a body over the fetch of %s', (_, fetch) => {
  it.each<[string, AnyBody, string, string | null]>([
    ['a Blob', new Blob(['héllo'], { type: 'text/csv' }), 'héllo', 'text/csv'],
    ['a Blob of no type', new Blob(['x']), 'x', null],
    ['a stream', new Blob(['a', 'b']).stream(), 'ab', null],
    ['pieces of bytes', pieces(Buffer.from('a'), Buffer.from('b')), 'ab', null],
    ['pieces of text', pieces('é', '€'), 'é€', null],
    ['a stream of Node', Readable.from([Buffer.from('a'), Buffer.from('b')]), 'ab', null],
    ['a stream of nothing', pieces(), '', null],
    ['a digest and its bytes', digested('streamed'), 'streamed', null],
    [
      'the same with a type',
      digested('{"a":1}', { type: 'application/json' }),
      '{"a":1}',
      'application/json',
    ],
  ])('is signed and sent: %s', async (_, body, expected, contentType) => {
    const { origin } = await startEcho();
    const response = await signedBy(fetch, [origin])(origin, { method: 'POST', body });
    const echo = (await response.json()) as Echo;
    expect(echo).toMatchObject({ body: base64(expected), contentType });
    expect(echo.signedHeaders).toContain('content-digest');
    expect(echo.signedHeaders.includes('content-type')).toBe(contentType !== null);
  });

  it('is a form with one boundary, signed and sent', async () => {
    const { origin } = await startEcho();
    const form = new FormData();
    form.append('a', '1');
    form.append('file', new Blob(['x'], { type: 'text/plain' }), 'a.txt');
    const response = await signedBy(fetch, [origin])(origin, { method: 'POST', body: form });
    const { body, contentType } = (await response.json()) as Echo;
    const sent = await new Response(Buffer.from(body, 'base64'), {
      headers: { 'Content-Type': contentType as string },
    }).formData();
    expect([sent.get('a'), await (sent.get('file') as File).text()]).toEqual(['1', 'x']);
  });

  it.each(['POST', 'GET'])(
    'is that of a Request, also where its stream is hidden: %s',
    async (method) => {
      const { origin } = await startEcho();
      const body = method === 'GET' ? null : 'héllo';
      const call = signedBy(fetch, [origin]);
      for (const hidden of [false, true]) {
        const request = new Request(origin, { method, body });
        if (hidden) Object.defineProperty(request, 'body', { value: undefined }); // as Firefox has it
        const echo = (await (await call(request)).json()) as Echo;
        expect(echo.body).toBe(base64(body ?? ''));
        expect(echo.signedHeaders.includes('content-digest')).toBe(method === 'POST');
      }
      const other = await call(new Request(origin, { method: 'POST', body: 'x' }), { body: 'y' });
      expect(((await other.json()) as Echo).body).toBe(base64('y'));
    },
  );

  it('is none once somebody has read it', async () => {
    const { origin, seen } = await startServer((response) => response.end());
    const request = new Request(origin, { method: 'POST', body: 'x' });
    await request.text();
    const call = signedBy(fetch, [origin])(request);
    await expect(call).rejects.toThrow(/^body: it was read before/);
    expect(seen).toEqual([]);
  });

  it('is opened anew for every attempt', async () => {
    const { origin, seen } = await startServer((response, { target }) => {
      if (target === '/') response.writeHead(307, { Location: '/next' }).end();
      else response.end();
    });
    let opened = 0;
    const body = {
      ...digested('again and again'),
      async *open() {
        opened++;
        yield Buffer.from('again and again');
      },
    };
    const response = await signedBy(fetch, [origin])(origin, { method: 'PUT', body });
    expect([response.status, opened]).toEqual([200, 2]);
    expect(seen.map(({ caller }) => Buffer.from(caller?.body ?? []).toString())).toEqual(
      Array(2).fill('again and again'),
    );
  });

  it('that is not what its digest says is refused by the server', async () => {
    const { origin } = await startEcho();
    const body = digested('one thing', { digest: digestOf('another') });
    const response = await signedBy(fetch, [origin])(origin, { method: 'PUT', body });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: 'digest_mismatch' });
  });
});

describe('a body that is too long to be held', () => {
  it.each<[string, () => AnyBody]>([
    ['a Blob', () => new Blob(['12345678901'])],
    ['a stream', () => pieces('123456', '78901')],
    [
      'a form',
      () => {
        const form = new FormData();
        form.append('a', 'b');
        return form;
      },
    ],
  ])('is refused before anything is sent: %s', async (_, body) => {
    const { origin, connections } = await startListener();
    const call = signedFetch(createSigner(TEST_KEY), { origins: [origin], maxBodyBytes: 10 });
    await expect(call(origin, { method: 'POST', body: body() })).rejects.toThrow(
      'body: more than 10 bytes are not held (maxBodyBytes); give { digest, open } to stream it',
    );
    expect(connections()).toBe(0);
  });

  it('is read no further than that, and told that it is', async () => {
    let [given, ended] = [0, false];
    async function* endless() {
      try {
        for (;;) {
          given++;
          yield new Uint8Array(100);
        }
      } finally {
        ended = true;
      }
    }
    const options = { origins: ['http://127.0.0.1:9'], maxBodyBytes: 1_000 };
    const call = signedFetch(createSigner(TEST_KEY), options);
    await expect(call('http://127.0.0.1:9', { method: 'POST', body: endless() })).rejects.toThrow(
      /^body: /,
    );
    expect([given, ended]).toEqual([11, true]);
  });

  it('is one that is as long as is allowed not', async () => {
    const { origin } = await startEcho();
    const call = signedFetch(createSigner(TEST_KEY), { origins: [origin], maxBodyBytes: 10 });
    const response = await call(origin, { method: 'POST', body: pieces('12345', '67890') });
    expect(response.status).toBe(200);
  });
});

it('pieces that are neither bytes nor text are no body', async () => {
  const call = signedFetch(createSigner(TEST_KEY), { origins: ['http://127.0.0.1:9'] });
  const body = Readable.from([{ a: 1 }]) as AnyBody;
  await expect(call('http://127.0.0.1:9', { method: 'POST', body })).rejects.toThrow(
    'body: expected a stream of bytes or strings',
  );
});
