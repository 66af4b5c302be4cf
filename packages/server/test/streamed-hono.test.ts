import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { countersign } from '@countersign/server/hono';
import {
  type SignedRequestView,
  signedRequest,
  TEST_KEY_ENTRY,
  toHttp1,
  Wire,
  withBody,
} from '@countersign/testkit';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOf, open } from './http2-rig.js';

const HOST = 'api.example.com';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const READERS: Readonly<Record<string, (c: Context) => Promise<string>>> = {
  'its stream': (c) => new Response(c.req.raw.body).text(),
  'a clone': (c) => c.req.raw.clone().text(),
  'a form': async (c) => String((await c.req.raw.formData()).get('qty')),
  text: (c) => c.req.text(),
};

/** A streamed route whose handler does something else before it reads; gives the port. */
async function start(
  read: (c: Context) => Promise<string>,
  { http2 = false, bodyTimeout = 5_000 } = {},
): Promise<number> {
  const verifier = createVerifier({
    ...{ keys: staticKeys([TEST_KEY_ENTRY]), nonces: memoryNonceStore({ start: 'fresh' }) },
    ...{ hosts: [HOST], bodyTimeout, maxBodyBytes: 60_000 },
  });
  const app = new Hono();
  app.use(countersign(verifier.route({ body: 'stream' })));
  app.all('*', async (c) => {
    await sleep(160);
    return read(c).then(
      (body) => c.text(`read: ${body}`),
      (error) => c.text(error.code ?? String(error), 401),
    );
  });
  const create = http2 ? { createServer: createHttp2Server as never } : { createServer };
  const server = createAdaptorServer({ fetch: app.fetch, ...create }) as Server;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => new Promise((done) => server.close(done)));
  return (server.address() as AddressInfo).port;
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const signed = (body: string, more = {}) =>
  signedRequest({
    ...{ method: 'POST', url: `https://${HOST}/`, body, now: Date.now },
    headers: { ...FORM, ...more },
  });

describe.each(Object.keys(READERS))(
  'a streamed body that Hono hands on, read late as %s',
  (name) => {
    const read = READERS[name] as (c: Context) => Promise<string>;
    const whole = name === 'a form' ? '7' : 'qty=7';

    const send = (...pieces: readonly (string | Uint8Array)[]) => sendTo(start(read), pieces);
    async function sendTo(port: Promise<number>, pieces: readonly (string | Uint8Array)[]) {
      const wire = await Wire.open(await port);
      closers.push(() => wire.socket.destroy());
      for (const piece of pieces) {
        wire.write(piece);
        await sleep(20);
      }
      const { status, body } = await wire.reply();
      return [status, body];
    }
    const head = (view: SignedRequestView) => {
      const text = Buffer.from(toHttp1(view)).toString('latin1');
      return text.slice(0, text.indexOf('\r\n\r\n') + 4);
    };

    it('is whole if it holds', async () => {
      expect(await send(toHttp1(signed('qty=7')))).toEqual([200, `read: ${whole}`]);
      expect(await send(head(signed('qty=7')), 'qty', '=7')).toEqual([200, `read: ${whole}`]);
    });

    it('fails with what is wrong with it, and is no empty one', async () => {
      const impatient = start(read, { bodyTimeout: 80 });
      const part = [head(signed('qty=7')), 'qty'];
      expect(await sendTo(impatient, part)).toEqual([401, 'body_timeout']);
      expect(await send(head(signed('qty=7')), 'qty=9')).toEqual([401, 'digest_mismatch']);
      const long = head(signed('x'.repeat(70_000), { 'Transfer-Encoding': 'chunked' }));
      const piece = `c350\r\n${'x'.repeat(50_000)}\r\n`;
      expect(await send(long, piece, piece)).toEqual([401, 'body_too_large']);
    });

    it('fails over HTTP/2 as well', async () => {
      const session = connect(`http://127.0.0.1:${await start(read, { http2: true })}`);
      closers.unshift(() => session.destroy());
      for (const [view, status, text] of [
        [signed('qty=7'), 200, `read: ${whole}`],
        [withBody(signed('qty=7'), 'qty=9'), 401, 'digest_mismatch'],
      ] as const) {
        const stream = open(session, view);
        await sleep(20);
        stream.end(view.body);
        const answer = await answerOf(stream);
        expect([answer.status, String(answer.body)]).toEqual([status, text]);
      }
    });
  },
);
