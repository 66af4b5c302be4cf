import { setTimeout as sleep } from 'node:timers/promises';
import { memoryNonceStore } from '@countersign/server';
import { fakeClock, type SignedRequestView, toHttp1, withHeader } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { resigned } from './resigned.js';
import { expectProblem, type Rig, type RigOptions, startRig } from './wire.js';

const body = '{"sku":"A-1","qty":2}';
const GIB = 1024 ** 3;

/** The head of a request, and its body apart. */
function parts(view: SignedRequestView): [head: Buffer, body: Buffer] {
  const bytes = Buffer.from(toHttp1(view));
  const end = bytes.indexOf('\r\n\r\n') + 4;
  return [bytes.subarray(0, end), bytes.subarray(end)];
}
const post = (rig: Rig, more = {}) => rig.view({ method: 'POST', body, ...more });
const chunked = { headers: { 'Transfer-Encoding': 'chunked' } };

describe('a refused request with a body that is still to come', () => {
  it.each([
    ['a bad signature', 'credential_rejected', (view: SignedRequestView) => view],
    [
      'no signature',
      'authorization_missing',
      (view: SignedRequestView) => withHeader(view, 'authorization', ''),
    ],
    ['a good one, but too large', 'body_too_large', resigned],
  ] as const)('1 GiB behind %s is answered at once and not read', async (_, code, sign) => {
    const rig = await startRig();
    const honest = post(rig);
    const spoilt = withHeader(
      withHeader(honest, 'x-nonce', 'B'.repeat(22)),
      'content-length',
      `${GIB}`,
    );
    const [head] = parts(sign(spoilt));
    const wire = await rig.open();
    const flood = Buffer.alloc(1 << 20);
    const start = performance.now();
    wire.write(head);
    const pour = () => wire.socket.writable && wire.socket.write(flood);
    wire.socket.on('drain', pour);
    pour();
    const reply = await wire.reply();
    expect(performance.now() - start).toBeLessThan(500);
    if (code !== 'authorization_missing') expectProblem(reply, code);
    expect(reply.status).toBe(code === 'body_too_large' ? 413 : 401);
    expect(reply.headers.get('connection')).toBe('close');
    await wire.closed();
    // What the stream holds before it pushes back; the rest stays with the sender.
    expect(rig.bytesRead()).toBeLessThan(512 * 1024);
    expect(rig.accepted).toHaveLength(0);
    expect((await rig.send(honest)).status).toBe(200);
  });

  it('an endless chunked body behind a bad signature is not read either', async () => {
    const rig = await startRig();
    const [head] = parts(withHeader(post(rig, chunked), 'x-nonce', 'B'.repeat(22)));
    const wire = await rig.open();
    const chunk = Buffer.concat([
      Buffer.from('10000\r\n'),
      Buffer.alloc(65_536),
      Buffer.from('\r\n'),
    ]);
    const pour = () => wire.socket.writable && wire.socket.write(chunk);
    wire.socket.on('drain', pour);
    wire.write(head);
    pour();
    expectProblem(await wire.reply(), 'credential_rejected');
    await wire.closed();
    expect(rig.bytesRead()).toBeLessThan(512 * 1024);
  });

  it('a body of which Node hides the length, among 1,500 fields, is not read either', async () => {
    const rig = await startRig({ server: { maxHeaderSize: 1 << 20 } });
    const view = withHeader(post(rig), 'content-length', `${GIB}`);
    const more = Array.from({ length: 1_500 }, (_, i) => [`x-${i}`, 'v']).flat();
    const headers = [...view.headers.slice(0, 2), ...more, ...view.headers.slice(2)];
    const [head] = parts({ ...view, headers });
    const wire = await rig.open();
    const flood = Buffer.alloc(1 << 20);
    let poured = 0;
    const pour = () => {
      if (wire.socket.writable && poured++ < 200) wire.socket.write(flood);
    };
    wire.socket.on('drain', pour);
    wire.write(head);
    pour();
    expectProblem(await wire.reply(), 'headers_too_many');
    await wire.closed();
    expect(rig.bytesRead()).toBeLessThan(512 * 1024);
  });

  it('a short body is let in, and the connection used again', async () => {
    const rig = await startRig();
    const wire = await rig.open();
    const [head] = parts(withHeader(post(rig), 'x-nonce', 'B'.repeat(22)));
    const reply = await wire.write(head).reply();
    expectProblem(reply, 'credential_rejected');
    expect(reply.headers.get('connection')).not.toBe('close');
    wire.write(body).write(post(rig));
    expect((await wire.reply()).status).toBe(200);
  });

  it('a sender that writes it all before it reads, and then wants to close, still gets its answer', async () => {
    const rig = await startRig();
    const large = rig.view({
      method: 'POST',
      body: Buffer.alloc(60_000),
      headers: { Connection: 'close' },
    });
    const [head, bytes] = parts(withHeader(large, 'x-nonce', 'B'.repeat(22)));
    const wire = await rig.open();
    wire.socket.pause();
    wire.write(head);
    for (let at = 0; at < bytes.length; at += 6_000) {
      await sleep(5);
      wire.write(bytes.subarray(at, at + 6_000));
    }
    await sleep(20);
    wire.socket.resume();
    expectProblem(await wire.reply(), 'credential_rejected');
  });
});

describe('a body that is too large', () => {
  it.each([
    ['declared', {}],
    ['chunked', chunked],
  ])('%s', async (name, more) => {
    const rig = await startRig({ maxBodyBytes: 1_000 });
    const large = post(rig, { ...more, body: Buffer.alloc(1_001) });
    const reply = await rig.send(large);
    expectProblem(reply, 'body_too_large');
    expect(rig.accepted).toHaveLength(0);
    const fits = post(rig, { ...more, body: Buffer.alloc(1_000) });
    expect([name, (await rig.send(fits)).status]).toEqual([name, 200]);
  });

  it('maxBodyBytes: 0 takes empty bodies only', async () => {
    const rig = await startRig({ maxBodyBytes: 0 });
    expect((await rig.send(rig.view({ method: 'POST' }))).status).toBe(200);
    expect((await rig.send(post(rig, { ...chunked, body: '' }))).status).toBe(200);
    expectProblem(await rig.send(post(rig, { body: 'x' })), 'body_too_large');
    expectProblem(await rig.send(post(rig, { ...chunked, body: 'x' })), 'body_too_large');
  });
});

describe('a body that stops', () => {
  it.each([
    ['Content-Length', {}],
    ['chunked', chunked],
  ])('is given up at the deadline: %s', async (_, more) => {
    const rig = await startRig({ bodyTimeout: 150 });
    const view = post(rig, more);
    const [head, bytes] = parts(view);
    const wire = await rig.open();
    const start = performance.now();
    wire.write(head).write(bytes.subarray(0, 9));
    const reply = await wire.reply();
    const took = performance.now() - start;
    expectProblem(reply, 'body_timeout');
    expect(reply.headers.get('connection')).toBe('close');
    expect(took).toBeGreaterThan(140);
    expect(took).toBeLessThan(1_000);
    await wire.closed();
    expect(rig.accepted).toHaveLength(0);
    expect((await rig.send(view)).status).toBe(200);
  });

  it('one byte now and then does not put the deadline off', async () => {
    const rig = await startRig({ bodyTimeout: 150 });
    const [head, bytes] = parts(post(rig));
    const wire = await rig.open();
    wire.write(head);
    let at = 0;
    const drip = setInterval(() => wire.socket.write(bytes.subarray(at, ++at)), 20);
    expectProblem(await wire.reply(), 'body_timeout');
    clearInterval(drip);
    expect(at).toBeLessThan(bytes.length);
  });

  it.each([
    ['half-closed', 'Content-Length', (socket: { end(): unknown }) => socket.end()],
    ['half-closed', 'chunked', (socket: { end(): unknown }) => socket.end()],
    [
      'reset',
      'Content-Length',
      (socket: { resetAndDestroy(): unknown }) => socket.resetAndDestroy(),
    ],
    ['reset', 'chunked', (socket: { resetAndDestroy(): unknown }) => socket.resetAndDestroy()],
    ['closed', 'Content-Length', (socket: { destroy(): unknown }) => socket.destroy()],
  ] as const)('is never accepted when the connection is %s: %s', async (how, framing, cut) => {
    for (const clientErrors of [true, false]) {
      const rig = await startRig({ clientErrors });
      const closed: boolean[] = [];
      rig.server.on('connection', (socket) => socket.once('close', () => closed.push(true)));
      const view = post(rig, framing === 'chunked' ? chunked : {});
      const [head, bytes] = parts(view);
      for (const end of [0, 5, bytes.length - 1]) {
        const wire = await rig.open();
        wire.write(head).write(bytes.subarray(0, end));
        await sleep(10);
        cut(wire.socket);
        if (how === 'half-closed' && clientErrors) {
          expectProblem(await wire.reply(), 'body_incomplete');
        }
        await wire.closed();
      }
      await expect.poll(() => closed.length, { timeout: 3_000 }).toBe(3);
      expect(rig.accepted).toHaveLength(0);
      expect((await rig.send(view)).status).toBe(200);
    }
  });

  it('half-closed after the last byte it is whole, and accepted', async () => {
    const rig = await startRig();
    const wire = await rig.open();
    wire.write(post(rig));
    wire.socket.end();
    expect((await wire.reply()).status).toBe(200);
  });

  it('dripping past date + skew is date_expired, though its bytes are right', async () => {
    const clock = fakeClock(Date.UTC(2020, 0, 1, 12, 0, 30));
    const { now } = clock;
    for (const [later, status] of [
      [300_999, 200],
      [301_000, 401],
    ] as const) {
      clock.set(Date.UTC(2020, 0, 1, 12, 0, 30));
      const nonces = memoryNonceStore({ start: 'fresh', now });
      const rig = await startRig({ now, nonces });
      const [head, bytes] = parts(post(rig));
      const wire = await rig.open();
      wire.write(head).write(bytes.subarray(0, 5));
      await expect.poll(() => rig.bytesRead()).toBeGreaterThan(head.length);
      await sleep(20);
      clock.advance(later);
      const reply = await wire.write(bytes.subarray(5)).reply();
      expect([later, reply.status]).toEqual([later, status]);
      if (status === 401) expectProblem(reply, 'date_expired');
      expect([nonces.size, rig.accepted.length]).toEqual(status === 200 ? [1, 1] : [0, 0]);
    }
  });
});

describe('a body that something else has touched', () => {
  const front = (
    spoil: (request: import('node:http').IncomingMessage) => Promise<unknown>,
  ): RigOptions => ({
    before: (next) => async (request, response) => {
      await spoil(request);
      next(request, response);
    },
  });

  it.each([
    [
      'a parser that read it all',
      async (request) => {
        for await (const _ of request);
      },
    ],
    [
      'one that read a part',
      async (request) => {
        await new Promise((resolve) => request.once('data', resolve));
        request.pause();
      },
    ],
    ['one that wants text', async (request) => request.setEncoding('utf8')],
  ] as [string, (request: import('node:http').IncomingMessage) => Promise<unknown>][])(
    '%s: body_unavailable',
    async (_, spoil) => {
      const rig = await startRig(front(spoil));
      for (const more of [{}, chunked]) {
        const view = post(rig, more);
        const [head, bytes] = parts(view);
        const wire = await rig.open();
        wire.write(head).write(bytes.subarray(0, 4));
        await sleep(20);
        expectProblem(await wire.write(bytes.subarray(4)).reply(), 'body_unavailable');
      }
      expect(rig.accepted).toHaveLength(0);
    },
  );

  it('one that had no body to read does no harm', async () => {
    const rig = await startRig(
      front(async (request) => {
        for await (const _ of request);
      }),
    );
    expect((await rig.send(rig.view())).status).toBe(200);
  });
});
