import { describe, expect, it } from 'vitest';
import { FETCHES, signedBy } from './fetches.js';
import { startListener, startServer, type TestServer } from './servers.js';

const BODY = '{"sku":"A-1"}';
const INIT = {
  method: 'POST',
  body: BODY,
  headers: { 'Content-Type': 'application/json', 'Content-Language': 'en', 'X-Tenant': 't' },
};

/** A server that answers `/<status>` with that status to `/end`, and anything else with what it verified. */
function startRedirector(
  location: string | ((target: string) => string) = '/end',
): Promise<TestServer> {
  return startServer((response, { target, body }, request) => {
    const status = /^\/(30\d)$/.exec(target)?.[1];
    if (status === undefined) {
      response.end(`${request.method} ${target} ${Buffer.from(body)}`);
    } else {
      const to = typeof location === 'string' ? location : location(target);
      response.writeHead(Number(status), { Location: to }).end('moved');
    }
  });
}

const nonces = (...servers: readonly TestServer[]) =>
  servers.flatMap(({ seen }) => seen.map(({ nonce }) => nonce));

describe.each(FETCHES)('redirects over the fetch of %s', (_, fetch) => {
  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [307, 'POST', 'POST', BODY],
    [308, 'POST', 'POST', BODY],
    [301, 'PUT', 'PUT', BODY],
    [302, 'PUT', 'PUT', BODY],
    [303, 'PUT', 'GET', ''],
    [307, 'PUT', 'PUT', BODY],
    [303, 'DELETE', 'GET', ''],
    [308, 'DELETE', 'DELETE', BODY],
  ])('%i of a %s is followed as %s', async (status, method, expectedMethod, expectedBody) => {
    const server = await startRedirector();
    const call = signedBy(fetch, [server.origin]);
    const response = await call(`${server.origin}/${status}`, { ...INIT, method });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(`${expectedMethod} /end ${expectedBody}`);
    expect(server.seen.map(({ caller }) => caller?.identity.credential)).toEqual([
      'orders-service',
      'orders-service',
    ]);
    expect(new Set(nonces(server)).size).toBe(2);
    const last = server.seen[1]?.headers;
    expect(last?.['content-type']).toBe(expectedBody === '' ? undefined : 'application/json');
    expect(last?.['content-language']).toBe(expectedBody === '' ? undefined : 'en');
    expect(last?.['content-digest'] === undefined).toBe(expectedBody === '');
    expect(last?.['x-tenant']).toBe('t');
  });

  it.each([301, 302, 303, 307, 308])('%i of a HEAD stays a HEAD', async (status) => {
    const server = await startRedirector();
    const response = await signedBy(fetch, [server.origin])(`${server.origin}/${status}`, {
      method: 'HEAD',
    });
    expect(response.status).toBe(200);
    expect(server.seen.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
    expect(server.seen[1]?.caller).toBeDefined();
  });

  it('each hop is signed anew, over several origins that are allowed', async () => {
    const end = await startRedirector();
    const middle = await startRedirector(`${end.origin}/end?x=1`);
    const start = await startRedirector(`${middle.origin}/308`);
    const call = signedBy(fetch, [start.origin, middle.origin, end.origin]);
    const response = await call(`${start.origin}/307`, INIT);
    expect(await response.text()).toBe(`POST /end?x=1 ${BODY}`);
    for (const server of [start, middle, end]) {
      expect(server.seen).toHaveLength(1);
      expect(Buffer.from(server.seen[0]?.caller?.body ?? []).toString()).toBe(BODY);
    }
    expect(new Set(nonces(start, middle, end)).size).toBe(3);
  });

  it('what is meant for one origin goes to no other', async () => {
    const end = await startRedirector();
    const start = await startRedirector((target) =>
      target === '/307' ? '/302' : `${end.origin}/end`,
    );
    const call = signedBy(fetch, [start.origin, end.origin]);
    const headers = { ...INIT.headers, Cookie: 'a=1', 'Proxy-Authorization': 'Basic eDp5' };
    expect((await call(`${start.origin}/307`, { ...INIT, headers })).status).toBe(200);
    const sent = [...start.seen, ...end.seen].map(({ headers }) => [
      headers.cookie,
      headers['proxy-authorization'],
      headers['x-tenant'],
    ]);
    const own = ['a=1', 'Basic eDp5', 't'];
    expect(sent).toEqual([own, own, [undefined, undefined, 't']]);
  });

  it('a location is taken relative to the URL that answered, and normalised', async () => {
    const server = await startRedirector((target) =>
      target === '/301' ? './a/../302?x' : 'end?b&a#f',
    );
    const response = await signedBy(fetch, [server.origin])(`${server.origin}/301`);
    expect(await response.text()).toMatch(/^GET \/302\?x /);
  });

  it('another origin gets nothing, not even a connection', async () => {
    const stranger = await startListener();
    const locations = [
      `${stranger.origin}/end`,
      stranger.origin.replace('http:', ''),
      stranger.origin.replace('127.0.0.1', 'localhost'),
      stranger.origin.replace('//', '\\\\'),
    ];
    for (const status of [301, 302, 303, 307, 308]) {
      for (const location of locations) {
        const server = await startRedirector(location);
        const attempt = signedBy(fetch, [server.origin])(`${server.origin}/${status}`, INIT);
        await expect(attempt).rejects.toThrow(TypeError);
        await expect(attempt).rejects.toThrow(/^origins: http:.* is not among them/);
        expect(server.seen).toHaveLength(1);
      }
    }
    expect(stranger.connections()).toBe(0);
  });

  it.each(['file:///etc/passwd', 'javascript:1', 'data:,x', 'http://', 'https://127.0.0.1:1/'])(
    'a location that leads nowhere allowed rejects: %s',
    async (location) => {
      const server = await startRedirector(location);
      await expect(signedBy(fetch, [server.origin])(`${server.origin}/302`)).rejects.toThrow(
        TypeError,
      );
      expect(server.seen).toHaveLength(1);
    },
  );

  it('a location with user-info or without a canonical form rejects', async () => {
    for (const location of ['//me:you@HOST/end', '/a//b', '/%00']) {
      const server: TestServer = await startRedirector(() =>
        location.replace('HOST', new URL(server.origin).host),
      );
      await expect(signedBy(fetch, [server.origin])(`${server.origin}/302`)).rejects.toThrow(
        /^url: /,
      );
      expect(server.seen).toHaveLength(1);
    }
  });

  it('are followed so many times and no more', async () => {
    const server = await startRedirector('/302');
    for (const maxRedirects of [0, 1, 3]) {
      const call = signedBy(fetch, [server.origin], { maxRedirects });
      server.seen.length = 0;
      await expect(call(`${server.origin}/302`)).rejects.toThrow(
        `redirect: more than ${maxRedirects} were`,
      );
      expect(server.seen).toHaveLength(maxRedirects + 1);
      expect(new Set(nonces(server)).size).toBe(maxRedirects + 1);
    }
    server.seen.length = 0;
    await expect(signedBy(fetch, [server.origin])(`${server.origin}/302`)).rejects.toThrow(
      /more than 20/,
    );
    expect(server.seen).toHaveLength(21);
  });

  it('are followed right up to the limit', async () => {
    const server = await startRedirector();
    const call = signedBy(fetch, [server.origin], { maxRedirects: 1 });
    expect((await call(`${server.origin}/302`)).status).toBe(200);
  });

  it('are handed back with redirect: manual', async () => {
    const server = await startRedirector();
    const response = await signedBy(fetch, [server.origin])(`${server.origin}/307`, {
      ...INIT,
      redirect: 'manual',
    });
    expect([response.status, response.headers.get('location')]).toEqual([307, '/end']);
    expect(server.seen).toHaveLength(1);
  });

  it('are a failure with redirect: error', async () => {
    const server = await startRedirector();
    const call = signedBy(fetch, [server.origin]);
    await expect(call(`${server.origin}/302`, { redirect: 'error' })).rejects.toThrow(TypeError);
    expect(server.seen).toHaveLength(1);
    expect((await call(`${server.origin}/end`, { redirect: 'error' })).status).toBe(200);
  });

  it('without a location, or with another status, are plain responses', async () => {
    const server = await startServer((response, { target }) =>
      response
        .writeHead(Number(target.slice(1)), target === '/302' ? {} : { Location: '/end' })
        .end(),
    );
    const call = signedBy(fetch, [server.origin]);
    for (const status of [302, 300, 304, 305, 201]) {
      expect((await call(`${server.origin}/${status}`)).status).toBe(status);
    }
    expect(server.seen).toHaveLength(5);
  });

  it('end with the AbortSignal', async () => {
    const controller = new AbortController();
    const server = await startServer((response, { target }) => {
      if (target === '/slow') controller.abort(new Error('enough'));
      else response.writeHead(307, { Location: '/slow' }).end();
    });
    const call = signedBy(fetch, [server.origin]);
    const { signal } = controller;
    await expect(call(server.origin, { ...INIT, signal })).rejects.toThrow('enough');
    expect(server.seen).toHaveLength(2);
  });
});
