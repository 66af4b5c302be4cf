import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startEcho, startListener, startServer, type TestServer } from './servers.js';
import { digested, eachUndici, noncesOf, WHOLE } from './undici-setup.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

eachUndici('the attempts of signedDispatcher', (kit) => {
  const { make, ask, echoed, sent } = kit;

  describe('redirects', () => {
    const redirect = { maxRedirections: 5 };
    it.each([301, 302, 303, 307, 308])('%i, signed anew', async (status) => {
      const server = await startServer((response, { target, body }) => {
        if (target === '/') response.writeHead(status, { Location: '/end?a=1' }).end('moved');
        else response.end(Buffer.from(body));
      });
      const headers = { ...JSON_TYPE, 'Content-Length': '50000' };
      const init = { dispatcher: make(server.origin, { redirect, retry: {} }), headers };
      const body = Readable.from([WHOLE]);
      const answer = await ask(server.origin, { ...init, method: 'POST', body });
      expect([answer.statusCode, answer.text.length > 0]).toEqual([200, status > 303]);
      expect(server.seen.map(({ caller }) => caller !== undefined)).toEqual([true, true]);
      expect(new Set(noncesOf(server)).size).toBe(2);
      const { method, headers: last } = server.seen[1] as TestServer['seen'][0];
      expect([method, last['content-type'], last['content-length']]).toEqual(
        status > 303 ? ['POST', 'application/json', '50000'] : ['GET', undefined, undefined],
      );
    });

    it('are not followed to another origin, which gets nothing', async () => {
      const { origin, connections } = await startListener();
      const server = await startServer((response) =>
        response.writeHead(307, { Location: `${origin}/steal` }).end(),
      );
      for (const more of [{}, { retry: { minTimeout: 1 } }]) {
        const dispatcher = make(server.origin, { redirect, ...more });
        await expect(ask(server.origin, { dispatcher, method: 'PUT', body: 'x' })).rejects.toThrow(
          origin,
        );
        await expect(fetch(server.origin, { dispatcher } as RequestInit)).rejects.toThrow(
          TypeError,
        );
      }
      expect([server.seen.length, connections()]).toEqual([4, 0]);
    });

    it('go to another origin that is allowed, without what is signed for the first', async () => {
      const end = await startEcho();
      const server = await startServer((response) =>
        response.writeHead(308, { Location: `${end.origin}/end` }).end(),
      );
      const dispatcher = make(server.origin, { redirect, origins: [server.origin, end.origin] });
      const echo = await echoed(server.origin, { dispatcher, method: 'PUT', body: 'x' });
      expect(echo).toMatchObject({ method: 'PUT', target: '/end' });
      expect(noncesOf(end)).not.toEqual(noncesOf(server));
    });

    it('are plain responses unless asked for', async () => {
      const server = await startServer((response) =>
        response.writeHead(302, { Location: '/' }).end(),
      );
      expect((await ask(server.origin, { dispatcher: make(server.origin) })).statusCode).toBe(302);
    });
  });

  describe('retries', () => {
    const retry = { minTimeout: 1, maxRetries: 3 };
    it('a stream, whole and with another nonce each time', async () => {
      const dispatcher = make(kit.proxy.origin, { retry });
      kit.proxy.faults.push({ resetBefore: true }, { resetAfter: true }, { resetBefore: true });
      const body = Readable.from([WHOLE.subarray(0, 9), WHOLE.subarray(9)]);
      const answer = await ask(kit.proxy.origin, { dispatcher, method: 'PUT', body });
      expect(JSON.parse(answer.text)).toMatchObject({ bodyBytes: WHOLE.length });
      expect([sent().length, new Set(sent()).size]).toEqual([4, 4]);
    });

    it('what a 503 asks to come again, and a digested body', async () => {
      let busy = 2;
      const server = await startServer((response, { body }) => {
        response.statusCode = busy-- > 0 ? 503 : 200;
        response.end(`${body.length}`);
      });
      const open = async function* () {
        yield WHOLE;
      };
      const body = await digested(open);
      const dispatcher = make(server.origin, { retry });
      const answer = await ask(server.origin, { dispatcher, method: 'PUT', body });
      expect([answer.statusCode, answer.text]).toEqual([200, '50000']);
      expect(new Set(noncesOf(server)).size).toBe(3);
    });

    it('also an answer that was held back and cut short', async () => {
      const slow = { ...retry, minTimeout: 60 };
      const dispatcher = make(kit.proxy.origin, { retry: slow, requireSignedResponse: true });
      kit.proxy.faults.push({ alter: (answer) => answer.subarray(0, -3) });
      const asked = ask(kit.proxy.origin, { dispatcher });
      while (kit.proxy.requests.length === 0) await sleep(2);
      await sleep(30); // for the answer
      const [first] = kit.proxy.requests;
      await kit.proxy.clear();
      expect(JSON.parse((await asked).text)).toMatchObject({ method: 'GET' });
      expect(first?.includes(sent()[0] as string)).toBe(false);
    });

    it('no answer that cannot be believed', async () => {
      const dispatcher = make(kit.proxy.origin, {
        retry,
        redirect: { maxRedirections: 3 },
        requireSignedResponse: true,
      });
      kit.proxy.faults.push({
        alter: (answer) =>
          Buffer.from(answer.toString('latin1').replace('200 OK', '201 OK'), 'latin1'),
      });
      await expect(ask(kit.proxy.origin, { dispatcher })).rejects.toMatchObject({
        name: 'ResponseFaultError',
        reason: 'signature_mismatch',
      });
      expect(sent().length).toBe(1);
    });

    it('on connections that the server closes all the time', async () => {
      const server = await startServer((response) => {
        setImmediate(() => response.socket?.end());
        response.end('ok');
      });
      const dispatcher = make(server.origin, { retry });
      for (let i = 0; i < 50; i++) {
        const answer = await ask(server.origin, {
          dispatcher,
          method: 'PUT',
          body: Readable.from(['x']),
        });
        expect(answer.text).toBe('ok');
      }
      expect(new Set(noncesOf(server)).size).toBe(server.seen.length);
      expect(server.seen.length).toBeGreaterThanOrEqual(50);
    });

    it('the rest of a response, after a redirect too', async () => {
      let cut = true;
      const server = await startServer((response, { target }, { headers }) => {
        if (target === '/') {
          response.writeHead(302, { Location: '/end' }).end();
          return;
        }
        response.setHeader('ETag', '"1"');
        if (cut) {
          cut = false;
          response.setHeader('Content-Length', WHOLE.length).write(WHOLE.subarray(0, 20_000));
          setTimeout(() => response.destroy(), 30);
        } else {
          const from = Number(/bytes=(\d+)-/.exec(headers.range as string)?.[1]);
          const range = `bytes ${from}-${WHOLE.length - 1}/${WHOLE.length}`;
          const rest = WHOLE.subarray(from);
          response
            .writeHead(206, { 'Content-Range': range, 'Content-Length': rest.length })
            .end(rest);
        }
      });
      const dispatcher = make(server.origin, { retry, redirect: { maxRedirections: 1 } });
      const { body } = await kit.undici.request(server.origin, { dispatcher });
      expect(Buffer.from(await body.arrayBuffer())).toEqual(WHOLE);
      expect(new Set(noncesOf(server)).size).toBe(3);
    });
  });
});
