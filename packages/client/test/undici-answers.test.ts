import { setTimeout as sleep } from 'node:timers/promises';
import { createSigner } from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { type Echo, startEcho, startServer } from './servers.js';
import { bytesOf, digested, eachUndici, noncesOf, WHOLE } from './undici-setup.js';

eachUndici('the answers to signedDispatcher', (kit) => {
  const { make, ask, sent } = kit;

  describe('ends when it is aborted', () => {
    it('while the body is read, and while a retry waits', async () => {
      const never = async function* () {
        yield WHOLE;
        await new Promise(() => {});
      };
      for (const [origin, body] of [
        [kit.proxy.origin, never()],
        ['http://127.0.0.1:1', 'x'],
      ] as const) {
        const dispatcher = make(origin, { retry: { minTimeout: 400 } });
        const signal = AbortSignal.timeout(40);
        const started = performance.now();
        await expect(ask(origin, { dispatcher, method: 'PUT', body, signal })).rejects.toThrow(
          /aborted/,
        );
        expect(performance.now() - started).toBeLessThan(350);
      }
      await sleep(450); // by then the retry has been given up
      expect(sent()).toEqual([]);
    });

    it('before it starts, while it is answered and afterwards', async () => {
      const server = await startServer((response) => response.write('x'));
      const dispatcher = make(server.origin);
      const ended = AbortSignal.abort(new Error('enough'));
      await expect(ask(server.origin, { dispatcher, signal: ended })).rejects.toThrow('enough');
      expect(server.seen).toEqual([]);
      const controller = new AbortController();
      const { signal } = controller;
      const one = await kit.undici.request(server.origin, { dispatcher, signal });
      const two = await fetch(server.origin, { dispatcher, signal } as RequestInit);
      controller.abort(new Error('enough'));
      await expect(one.body.text()).rejects.toThrow('enough');
      await expect(two.text()).rejects.toThrow();
      const strict = make(server.origin, { requireSignedResponse: true });
      const held = ask(server.origin, { dispatcher: strict, signal: AbortSignal.timeout(30) });
      await expect(held).rejects.toThrow(/aborted/);
    });
  });

  it('corrects its clock with a body that is streamed', async () => {
    const told: unknown[] = [];
    const options = { onClockCorrected: (event: unknown) => told.push(event) };
    const dispatcher = make(kit.proxy.origin, options, { now: () => Date.now() - 3_600_000 });
    let opened = 0;
    const open = async function* () {
      opened++;
      yield WHOLE;
    };
    const body = { ...(await digested(open)), length: WHOLE.length };
    const answer = await ask(kit.proxy.origin, { dispatcher, method: 'POST', body });
    expect(JSON.parse(answer.text)).toMatchObject({ bodyBytes: WHOLE.length });
    expect([opened, told.length, new Set(sent()).size]).toEqual([2, 1, 2]);
  });

  it('loads a secret that is rotated, for fetch too', async () => {
    const server = await startEcho();
    const secrets = [`csk_${'A'.repeat(43)}`, TEST_KEY.secret];
    const secret = () => (secrets.length > 1 ? secrets.shift() : secrets[0]) as string;
    const dispatcher = make(server.origin, {}, { secret });
    const answer = await fetch(server.origin, {
      dispatcher,
      method: 'PUT',
      body: 'x',
    } as RequestInit);
    expect(bytesOf((await answer.json()) as Echo).toString()).toBe('x');
    expect([server.seen.length, new Set(noncesOf(server)).size]).toEqual([2, 2]);
    const failing = make(
      server.origin,
      {},
      { secret: () => Promise.reject(new Error('vault: sealed')) },
    );
    await expect(ask(server.origin, { dispatcher: failing })).rejects.toThrow('vault: sealed');
  });

  it('hands signed answers to fetch, coded ones too', async () => {
    const dispatcher = make(kit.proxy.origin, { requireSignedResponse: true });
    const one = await fetch(kit.proxy.origin, { dispatcher } as RequestInit);
    expect(await one.json()).toMatchObject({ method: 'GET' });
    const two = await kit.undici.fetch(kit.proxy.origin, { dispatcher });
    expect(await two.json()).toMatchObject({ method: 'GET' });
    kit.proxy.faults.length = 0;
    await kit.proxy.clear();
    kit.proxy.faults.push({
      alter: (answer) => Buffer.from(answer.toString('latin1').replace('"GET"', '"PUT"'), 'latin1'),
    });
    await expect(fetch(kit.proxy.origin, { dispatcher } as RequestInit)).rejects.toMatchObject({
      cause: expect.objectContaining({ reason: 'digest_mismatch' }),
    });
  });

  it('is closed as the dispatcher that it was made of', async () => {
    const own = new kit.undici.Agent();
    const dispatcher = kit.signedDispatcher(own, createSigner(TEST_KEY), {
      origins: [kit.proxy.origin],
    });
    expect(dispatcher).toBeInstanceOf(kit.undici.Dispatcher);
    await (await kit.undici.request(kit.proxy.origin, { dispatcher })).body.dump();
    await dispatcher.close();
    expect(own.closed).toBe(true);
    await expect(ask(kit.proxy.origin, { dispatcher })).rejects.toThrow(/closed|destroyed/);
  });
});
