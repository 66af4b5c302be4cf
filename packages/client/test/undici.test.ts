import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as Undici from 'undici';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Echo, startEcho, startServer, type TestServer } from './servers.js';
import { bytesOf, eachUndici, noncesOf, WHOLE } from './undici-setup.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

eachUndici('signedDispatcher', (kit) => {
  const { make, ask, echoed } = kit;

  describe('serves', () => {
    let server: TestServer;
    let dispatcher: Undici.Dispatcher;
    beforeEach(async () => {
      server = await startEcho();
      dispatcher = make(server.origin);
    });
    const url = () => `${server.origin}/v1/orders?b=2&a=%7E1`;
    const post = { method: 'POST' as const, headers: JSON_TYPE, body: '{"qty":2}' };
    const check = (answer: string) => {
      const echo = JSON.parse(answer) as Echo;
      expect(echo).toMatchObject({ method: 'POST', contentType: 'application/json' });
      expect(echo.signedHeaders).toContain('content-type');
      expect(bytesOf(echo).toString()).toBe(post.body);
      expect(server.seen[0]?.target).toBe('/v1/orders?b=2&a=%7E1');
    };

    it('undici.request and dispatcher.request', async () => {
      check(await (await kit.undici.request(url(), { ...post, dispatcher })).body.text());
      const { origin, pathname, search } = new URL(url());
      const again = await dispatcher.request({ ...post, origin, path: pathname + search });
      check(await again.body.text());
    });

    it('undici.stream', async () => {
      const { PassThrough } = await import('node:stream');
      const into = new PassThrough();
      await kit.undici.stream(url(), { ...post, dispatcher }, () => into);
      check(await text(into));
    });

    it('undici.pipeline', async () => {
      const duplex = kit.undici.pipeline(
        url(),
        { method: 'POST', headers: JSON_TYPE, dispatcher },
        ({ body }) => body,
      );
      duplex.end(post.body);
      check(await text(duplex));
    });

    it('the fetch of undici and that of the platform', async () => {
      check(await (await kit.undici.fetch(url(), { ...post, dispatcher })).text());
      const init = { ...post, dispatcher } as RequestInit;
      check(await (await fetch(url(), init)).text());
      expect((await fetch(url(), { ...init, body: null })).status).toBe(200);
    });

    it('streams of fetch, and its redirects, each signed anew', async () => {
      const redirector = await startServer((response, { target, body }) => {
        if (target === '/') response.writeHead(307, { Location: '/end' }).end();
        else response.end(Buffer.from(body));
      });
      const init = { method: 'POST', dispatcher: make(redirector.origin) } as RequestInit;
      const answer = await fetch(redirector.origin, { ...init, body: 'whole' });
      expect(await answer.text()).toBe('whole');
      expect(new Set(noncesOf(redirector)).size).toBe(2);
      const body = new Blob([WHOLE]).stream();
      const streamed = { ...init, dispatcher, body, duplex: 'half' } as RequestInit;
      expect(bytesOf((await (await fetch(url(), streamed)).json()) as Echo)).toEqual(WHOLE);
    });

    it('each line of a repeated response field to the platform, too', async () => {
      const cookies = await startServer((response) =>
        response
          .setHeader('Set-Cookie', ['a=1', 'b=2; Expires=Wed, 01 Jan 2020 12:00:30 GMT'])
          .end(),
      );
      const init = { dispatcher: make(cookies.origin) } as RequestInit;
      expect((await fetch(cookies.origin, init)).headers.getSetCookie()).toHaveLength(2);
    });

    it('large responses to slow readers', async () => {
      const large = await startServer((response) => response.end(Buffer.alloc(2 ** 23, 7)));
      const one = await kit.undici.request(large.origin, { dispatcher: make(large.origin) });
      const two = await fetch(large.origin, { dispatcher: make(large.origin) } as RequestInit);
      for (const body of [one.body, two.body as unknown as AsyncIterable<Uint8Array>]) {
        let size = 0;
        for await (const chunk of body) {
          if (size === 0) await sleep(50);
          size += chunk.length;
        }
        expect(size).toBe(2 ** 23);
      }
    });

    it('a query, in the path that is signed', async () => {
      const query = { b: ['1', '2'], a: 'x y' };
      await echoed(server.origin, { dispatcher, query });
      expect(server.seen[0]?.target).toBe('/?b=1&b=2&a=x%20y');
      await expect(ask(url(), { dispatcher, query })).rejects.toThrow(/^query: /);
    });

    it.each<[string, unknown]>([
      ['an object', { 'X-A': '1', 'x-b': ['2', '3'], 'X-N': 4, 'X-U': undefined }],
      ['a flat list', ['X-A', '1', 'x-b', '2', 'x-b', '3', 'X-N', '4']],
      [
        'pairs',
        [
          ['X-A', '1'],
          ['x-b', ['2', '3']],
          ['X-N', '4'],
        ],
      ],
      [
        'a Map',
        new Map<string, unknown>([
          ['X-A', '1'],
          ['x-b', ['2', '3']],
          ['X-N', '4'],
        ]),
      ],
      [
        'Headers',
        new Headers([
          ['X-A', '1'],
          ['x-b', '2'],
          ['x-b', '3'],
          ['X-N', '4'],
        ]),
      ],
    ])('header fields given as %s', async (_, headers) => {
      await echoed(url(), { dispatcher, headers });
      expect(server.seen[0]?.headers).toMatchObject({ 'x-a': '1', 'x-b': '2, 3', 'x-n': '4' });
    });

    it('upgrades', async () => {
      const { createServer } = await import('node:http');
      const upgrading = createServer();
      upgrading.on('upgrade', ({ headers }, socket) => {
        socket.end(
          `HTTP/1.1 101 Ok\r\nConnection: upgrade\r\nUpgrade: x\r\nX-A: ${headers.authorization}\r\n\r\n`,
        );
      });
      await once(upgrading.listen(0, '127.0.0.1'), 'listening');
      const origin = `http://127.0.0.1:${(upgrading.address() as { port: number }).port}`;
      const upgrade = { dispatcher: make(origin), protocol: 'x' };
      const { headers, socket } = await kit.undici.upgrade(origin, upgrade);
      expect(headers['x-a']).toMatch(/^HMAC-256 Credential=orders-service,/);
      socket.destroy();
      const strict = make(origin, { requireSignedResponse: true });
      await expect(kit.undici.upgrade(origin, { ...upgrade, dispatcher: strict })).rejects.toThrow(
        /^upgrade: /,
      );
      upgrading.close();
    });
  });
});
