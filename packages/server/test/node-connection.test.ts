import { setTimeout as sleep } from 'node:timers/promises';
import { toHttp1, withHeader, withTarget } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { expectProblem, type Rig, startRig, testKeys } from './wire.js';

const body = '{"sku":"A-1","qty":2}';
const post = (rig: Rig) => rig.view({ method: 'POST', body });
const bad = (rig: Rig) => withTarget(post(rig), '/elsewhere');

describe('one connection', () => {
  it('serves honest requests between refused ones', async () => {
    const rig = await startRig();
    const wire = await rig.open();
    for (let i = 1; i <= 5; i++) {
      expectProblem(await wire.write(bad(rig)).reply(), 'credential_rejected');
      expect((await wire.write(post(rig)).reply()).status).toBe(200);
      expectProblem(await wire.write(withTarget(rig.view(), '/a//b')).reply(), 'target_malformed');
      expect(rig.accepted).toHaveLength(i);
    }
  });

  it('answers pipelined requests each for itself, in order', async () => {
    const find = async (credential: string) => {
      await sleep(credential === 'orders-service' ? 20 : 0);
      return testKeys.find(credential);
    };
    const rig = await startRig({ keys: { find } });
    const honest = toHttp1(post(rig));
    const wire = await rig.open();
    const all = [honest, toHttp1(bad(rig)), toHttp1(rig.view()), honest, toHttp1(post(rig))];
    wire.write(Buffer.concat(all));
    const statuses = [];
    for (const _ of all) statuses.push((await wire.reply()).status);
    expect(statuses).toEqual([200, 401, 200, 401, 200]);
    expect(rig.accepted).toHaveLength(3);
  });

  it('has nothing smuggled into it by the body of a refused request', async () => {
    const rig = await startRig();
    const inner = Buffer.from(toHttp1(rig.view()));
    const outer = rig.view({ method: 'POST', body: inner });
    const wire = await rig.open();
    expectProblem(await wire.write(withTarget(outer, '/b')).reply(), 'credential_rejected');
    expect((await wire.write(post(rig)).reply()).status).toBe(200);
    expect(rig.accepted.map(({ target }) => target)).toEqual(['/']);
    expect(Buffer.from(rig.accepted[0]?.body ?? []).toString()).toBe(body);
  });

  it('that goes away while the key is looked up harms nothing', async () => {
    let answer: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const rig = await startRig({ keys: { find: () => gate.then(() => undefined) } });
    const wire = await rig.open();
    wire.write(post(rig));
    await expect.poll(() => rig.bytesRead()).toBeGreaterThan(0);
    wire.socket.resetAndDestroy();
    await sleep(20);
    answer();
    await sleep(20);
    expect(rig.accepted).toHaveLength(0);
    expectProblem(await rig.send(post(rig)), 'credential_rejected');
  });

  it('with Expect: 100-continue is verified all the same', async () => {
    const rig = await startRig();
    const expecting = (view = post(rig)) => withHeader(view, 'Expect', '100-continue');
    const wire = await rig.open();
    wire.write(expecting());
    expect((await wire.reply()).status).toBe(100);
    expect((await wire.reply()).status).toBe(200);
    wire.write(expecting(bad(rig)));
    expect((await wire.reply()).status).toBe(100);
    expectProblem(await wire.reply(), 'credential_rejected');
  });

  it('with Upgrade is verified all the same', async () => {
    const rig = await startRig();
    const upgrade = (view = rig.view()) => ({
      ...view,
      headers: [...view.headers, 'Connection', 'Upgrade', 'Upgrade', 'websocket'],
    });
    expectProblem(await rig.send(upgrade(withTarget(rig.view(), '/b'))), 'credential_rejected');
    expect((await rig.send(upgrade())).status).toBe(200);
  });
});

describe('answerClientErrors', () => {
  it.each([
    ['junk', 'GET\r\n\r\n', 'header_malformed'],
    [
      'a header over maxHeaderSize',
      `GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
      'headers_too_many',
    ],
    [
      'one far over it',
      `GET / HTTP/1.1\r\nx: ${'a'.repeat(4_000_000)}\r\n\r\n`,
      'headers_too_many',
    ],
    [
      'a target over maxHeaderSize',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
      'headers_too_many',
    ],
  ] as const)('%s', async (_, request, code) => {
    const rig = await startRig();
    const wire = await rig.open();
    const reply = await wire.write(request).reply();
    expectProblem(reply, code);
    expect(reply.headers.get('connection')).toBe('close');
    expect(await wire.closed()).toBe('');
    expect((await rig.send(rig.view())).status).toBe(200);
  });

  it('a sender that writes it all before it reads still gets its answer', async () => {
    const rig = await startRig();
    const wire = await rig.open();
    wire.socket.pause();
    wire.write(`GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}`);
    for (let i = 0; i < 10; i++) {
      await sleep(5);
      wire.write('a'.repeat(10_000));
    }
    await sleep(20);
    wire.socket.resume();
    expectProblem(await wire.reply(), 'headers_too_many');
  });

  it.each([
    ['no header in time', 'GET / HTTP/1.1\r\n', { headersTimeout: 100 }],
    [
      'no request in time',
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n`,
      { requestTimeout: 100, headersTimeout: 50 },
    ],
  ])('%s', async (name, start, timeouts) => {
    const rig = await startRig({ server: { connectionsCheckingInterval: 20, ...timeouts } });
    const wire = await rig.open();
    if (name === 'no header in time') {
      expectProblem(await wire.write(start).reply(), 'body_timeout');
    } else {
      const [head = ''] = Buffer.from(toHttp1(post(rig)))
        .toString('latin1')
        .split(body);
      expectProblem(await wire.write(head).reply(), 'body_timeout');
    }
    await wire.closed();
    expect(rig.accepted).toHaveLength(0);
  });

  it('writes nothing into an answer that has begun', async () => {
    const rig = await startRig({
      handler: (_, response) => {
        response.writeHead(200, { 'Content-Length': 1_000 });
        response.write('begun,');
      },
    });
    const wire = await rig.open();
    wire.write(rig.view());
    await expect.poll(() => rig.accepted.length).toBe(1);
    await sleep(20);
    wire.write('junk\r\n\r\n');
    const received = await wire.closed();
    expect(received).toMatch(/begun,$/);
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('answers junk behind an honest request on the same connection', async () => {
    const rig = await startRig();
    const wire = await rig.open();
    expect((await wire.write(post(rig)).reply()).status).toBe(200);
    expectProblem(await wire.write('junk\r\n\r\n').reply(), 'header_malformed');
    expect(await wire.closed()).toBe('');
    expect(rig.accepted).toHaveLength(1);
  });

  it('answers junk behind a request that is still being answered, once', async () => {
    let late: () => void = () => {};
    const rig = await startRig({
      handler: (_, response) => {
        late = () => response.end('late');
      },
    });
    const wire = await rig.open();
    wire.write(rig.view());
    await expect.poll(() => rig.accepted.length).toBe(1);
    expectProblem(await wire.write('junk\r\n\r\n').reply(), 'header_malformed');
    late();
    expect(await wire.closed()).toBe('');
  });

  it('is silent towards a peer that has gone', async () => {
    const rig = await startRig();
    for (const bytes of ['', 'GET / HT', 'GET / HTTP/1.1\r\nHost: a\r\n']) {
      const wire = await rig.open();
      wire.write(bytes);
      await sleep(5);
      wire.socket.resetAndDestroy();
    }
    expect((await rig.send(rig.view())).status).toBe(200);
  });
});
