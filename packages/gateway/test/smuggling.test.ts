import { createVerifier, memoryNonceStore, staticKeys, type Verifier } from '@countersign/server';
import { signedRequest, TEST_KEY_ENTRY, toHttp1, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { type Got, proxyTo, service, untilTestEnds } from './proxy-rig.js';

// Every request here has a signature that holds: what is refused is refused for its shape alone.
const BODY = 'hello';
const HIDDEN = 'GET /admin HTTP/1.1\r\nHost: api.example.com\r\nX-A: ';
const signed = (method = 'POST', body: string | undefined = BODY) =>
  Buffer.from(
    toHttp1(
      signedRequest({ now: () => Date.now(), method, ...(body === undefined ? {} : { body }) }),
    ),
  ).toString('latin1');
const headOf = (request: string) => request.slice(0, request.indexOf('\r\n\r\n'));
const withoutLength = (head: string) => head.replace(/\r\nContent-Length: \d+/i, '');

/** The signed request with its framing replaced. */
const framed = (fields: string, body: string) => () =>
  `${withoutLength(headOf(signed()))}\r\n${fields}\r\n\r\n${body}`;
const chunks = `5\r\n${BODY}\r\n0\r\n\r\n`;

const REFUSED: [string, () => string][] = [
  ['both lengths, chunks', framed('Content-Length: 5\r\nTransfer-Encoding: chunked', chunks)],
  [
    'both lengths, the other first',
    framed('Transfer-Encoding: chunked\r\nContent-Length: 5', chunks),
  ],
  [
    'both lengths, a body that hides one',
    framed(`Content-Length: 5\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${HIDDEN}`),
  ],
  ['two lengths', framed('Content-Length: 5\r\nContent-Length: 0', BODY)],
  ['two lengths in one field', framed('Content-Length: 5, 5', BODY)],
  ['a length with a sign', framed('Content-Length: +5', BODY)],
  ['a length in hex', framed('Content-Length: 0x5', BODY)],
  ['gzip, chunked', framed('Transfer-Encoding: gzip, chunked', chunks)],
  ['chunked, gzip', framed('Transfer-Encoding: chunked, gzip', chunks)],
  ['chunked twice', framed('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', chunks)],
  ['identity', framed('Transfer-Encoding: identity\r\nContent-Length: 5', BODY)],
  ['a coding after a tab of its own', framed('Transfer-Encoding: \x0bchunked', chunks)],
  ['a space before the colon', framed('Transfer-Encoding : chunked', chunks)],
  ['a folded coding', framed('Transfer-Encoding:\r\n chunked', chunks)],
  ['a folded field', () => signed().replace('\r\n\r\n', '\r\nX-A: b\r\n c\r\n\r\n')],
  ['a field that begins folded', () => signed().replace('\r\nHost', '\r\n X-A: b\r\nHost')],
  ['bare line feeds', () => signed().replaceAll('\r\n', '\n')],
  ['a bare line feed between two fields', () => signed().replace('\r\nX-Nonce', '\nX-Nonce')],
  ['a bare carriage return', () => signed().replace('\r\n\r\n', '\r\nX-A: b\rX-B: c\r\n\r\n')],
  ['a NUL in a value', () => signed().replace('\r\n\r\n', '\r\nX-A: b\0c\r\n\r\n')],
  ['no colon', () => signed().replace('\r\n\r\n', '\r\nX-A\r\n\r\n')],
  ['a chunk size that is none', framed('Transfer-Encoding: chunked', `zz\r\n${BODY}\r\n0\r\n\r\n`)],
  [
    'a chunk longer than it says',
    framed('Transfer-Encoding: chunked', `4\r\n${BODY}\r\n0\r\n\r\n`),
  ],
  ['an absolute target', () => signed().replace('POST /', 'POST http://api.example.com/')],
  ['an absolute target elsewhere', () => signed().replace('POST /', 'POST http://evil.example/')],
  ['a target of two slashes', () => signed().replace('POST /', 'POST //')],
  ['a target of dots', () => signed().replace('POST /', 'POST /a/../')],
  ['an authority', () => signed().replace('POST / ', 'POST api.example.com:80 ')],
  ['two hosts', () => signed().replace('\r\nHost', '\r\nHost: evil.example\r\nHost')],
  [
    'a method in the field for another',
    () => signed().replace('\r\n\r\n', '\r\nX-HTTP-Method-Override: DELETE\r\n\r\n'),
  ],
];

const streaming = (verifier: Verifier) => ({
  streams: () => true,
  streamVerifier: verifier.route({ body: 'stream' }),
});
const MODES: [string, (verifier: Verifier) => Parameters<typeof proxyTo>[2]][] = [
  ['in memory', () => ({})],
  ['spooled', () => ({ spool: { memoryBytes: 0, directory: '/tmp' } })],
  ['streamed', streaming],
];

describe.each(MODES)('with bodies %s', (mode, options) => {
  async function rig() {
    const behind = await untilTestEnds(service());
    const verifier = createVerifier({
      keys: staticKeys([TEST_KEY_ENTRY]),
      nonces: memoryNonceStore({ start: 'fresh' }),
      hosts: ['api.example.com'],
    });
    return {
      behind,
      proxy: await untilTestEnds(proxyTo(behind.port, verifier, options(verifier))),
    };
  }
  /** The statuses of all that is answered until the connection is closed. */
  async function statuses(port: number, bytes: string) {
    const wire = await Wire.open(port);
    const got: number[] = [];
    wire.socket.setTimeout(1_500, () => wire.socket.destroy());
    wire.write(bytes);
    for (;;) {
      const reply = await wire.reply().catch(() => undefined);
      if (reply === undefined) return got;
      got.push(reply.status);
      if (reply.headers.get('connection') !== 'close') wire.socket.end();
    }
  }
  const whole = (got: readonly Got[]) => got.filter(({ complete }) => complete);

  it.each([
    ['a length', () => signed()],
    ['chunks', framed('Transfer-Encoding: chunked', chunks)],
  ])('%s is accepted', async (_, bytes) => {
    const { behind, proxy } = await rig();
    expect(await statuses(proxy.port, bytes())).toEqual([200]);
    expect(behind.got.map(({ body }) => `${body}`)).toEqual([BODY]);
  });

  it.each(REFUSED)('%s is refused', async (_, bytes) => {
    const { behind, proxy } = await rig();
    const [first, ...more] = await statuses(proxy.port, bytes());
    expect([400, 401, 421]).toContain(first);
    expect(more.filter((status) => status < 400)).toEqual([]);
    expect(whole(behind.got)).toEqual([]);
    if (mode !== 'streamed') expect(behind.got).toEqual([]);
  });

  it('a request that is hidden in the body of another is none', async () => {
    const { behind, proxy } = await rig();
    const text = signed('POST', `${HIDDEN}\r\n\r\n`);
    expect(await statuses(proxy.port, text)).toEqual([200]);
    expect(behind.got.map(({ method, target }) => `${method} ${target}`)).toEqual(['POST /']);
  });

  it('trailers are no credentials, and go no further', async () => {
    const { behind, proxy } = await rig();
    const trailers = ['X-Countersign-Credential: root', 'X-Nonce: AAAAAAAAAAAAAAAAAAAAAA'];
    const fields = 'Transfer-Encoding: chunked\r\nTrailer: X-Countersign-Credential';
    const trailed = `5\r\n${BODY}\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`;
    expect(await statuses(proxy.port, framed(fields, trailed)())).toEqual([200]);
    const [got] = behind.got as [Got];
    expect([`${got.body}`, got.headers.join()]).toEqual([
      BODY,
      expect.not.stringMatching(/root|railer/),
    ]);
    const head = withoutLength(headOf(signed()));
    const [authorization = ''] = /\r\nAuthorization: [^\r]*/.exec(head) ?? [];
    const moved = `${head.replace(authorization, '')}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${BODY}\r\n0${authorization}\r\n\r\n`;
    expect(await statuses(proxy.port, moved)).toEqual([401]);
    expect(behind.got).toHaveLength(1);
  });
});
