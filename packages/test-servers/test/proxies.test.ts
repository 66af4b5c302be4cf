import { startCaddy, startHaproxy } from '@countersign/test-servers';
import { afterAll, describe, expect, it } from 'vitest';

const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

const START = 120_000;

describe('startCaddy', () => {
  it(
    'starts a Caddy that answers until it is closed',
    async () => {
      const caddyfile = (port: number) => `http://127.0.0.1:${port} {\n respond hello\n}\n`;
      const { port, close } = await startCaddy({ caddyfile });
      closers.push(close);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello');
      await close();
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
    },
    START,
  );

  it(
    'says in the words of Caddy what is wrong with a configuration',
    async () => {
      const caddyfile = (port: number) => `http://127.0.0.1:${port} {\n no_such_directive\n}\n`;
      await expect(startCaddy({ caddyfile })).rejects.toThrow(/no_such_directive/);
    },
    START,
  );
});

describe('startHaproxy', () => {
  const config = (port: number, line: string) => [
    'defaults',
    ' mode http',
    ' timeout client 1s',
    'frontend a',
    ` bind 127.0.0.1:${port}`,
    line,
  ];

  it(
    'starts an HAProxy that answers until it is closed',
    async () => {
      const { port, close } = await startHaproxy({
        config: (free) =>
          [
            ...['global', ' lua-load a.lua'],
            ...[...config(free, ' http-request use-service lua.hello'), ''],
          ].join('\n'),
        files: {
          'a.lua': `core.register_service('hello', 'http', function(applet)
          applet:set_status(200); applet:start_response(); applet:send('hello') end)`,
        },
      });
      closers.push(close);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello');
      await close();
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
    },
    START,
  );

  it(
    'says in the words of HAProxy what is wrong with a configuration',
    async () => {
      const wrong = (port: number) => `${config(port, ' no-such-keyword').join('\n')}\n`;
      await expect(startHaproxy({ config: wrong })).rejects.toThrow(/no-such-keyword|Fatal errors/);
    },
    START,
  );
});
