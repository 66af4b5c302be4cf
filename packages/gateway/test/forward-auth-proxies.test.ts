import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createSigner, signedFetch } from '@countersign/client';
import { checkContentDigest } from '@countersign/core';
import { createForwardAuth } from '@countersign/gateway';
import {
  headerOf,
  type SignedRequestView,
  signedRequest,
  TEST_KEY,
  toHttp1,
  Wire,
  withAddedHeader,
  withBody,
  withHeader,
  withMethod,
  withTarget,
} from '@countersign/testkit';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  listen,
  type ProxyName,
  type Reached,
  startEndpoint,
  startProxy,
  startService,
  verifierOf,
} from './forward-auth-rig.js';

const JSON_POST = {
  method: 'POST',
  body: '{"a":1}',
  headers: { 'Content-Type': 'application/json' },
};
const get = (path = '/') => signedRequest({ url: `https://api.example.com${path}` });

describe.each<ProxyName>(['nginx', 'Caddy', 'HAProxy'])('%s', (name) => {
  let reached: Reached[];
  /** The recipe in front of an endpoint that lets signed bodies pass, and of one that takes none. */
  let upstream: number;
  let refusing: number;
  let service: number;
  beforeAll(async () => {
    ({ port: service, reached } = await startService());
    const endpoint = await startEndpoint({ bodyCheck: 'upstream' });
    upstream = await startProxy(name, { endpoint, service });
    refusing = await startProxy(name, { endpoint: await startEndpoint(), service });
  }, 120_000);
  beforeEach(() => {
    reached.length = 0;
  });

  /** Status and, of a refusal, the code; or what reached the service. */
  async function ask(view: SignedRequestView | string, port = upstream): Promise<Reached | string> {
    const wire = await Wire.open(port);
    try {
      const isText = typeof view === 'string';
      const { status, headers } = await wire.write(view).reply(isText ? 'GET' : view.method);
      if (status !== 200) {
        expect(reached).toEqual([]);
        return `${status} ${headers.get('x-countersign-code') ?? 'proxy'}`;
      }
      expect(reached).toHaveLength(1);
      return reached.splice(0)[0] as Reached;
    } finally {
      wire.socket.destroy();
    }
  }

  it('lets a signed request pass as it is, with who sent it', async () => {
    const view = get('/v1/a?b=2&a=1');
    const seen = (await ask(view)) as Reached;
    expect(seen).toMatchObject({ method: 'GET', target: '/v1/a?b=2&a=1', body: '' });
    expect(seen.headers).toMatchObject({
      host: 'api.example.com',
      date: headerOf(view, 'date'),
      'x-nonce': headerOf(view, 'x-nonce'),
      authorization: headerOf(view, 'authorization'),
      'x-countersign-credential': TEST_KEY.credential,
      'x-countersign-group': 'partners',
      'x-countersign-signed-headers': 'date;host;x-nonce',
    });
    expect(seen.headers['x-countersign-content-digest'] ?? '').toBe('');
  });

  it('hands on a signed body, with the digest to check it by', async () => {
    const view = signedRequest(JSON_POST);
    const seen = (await ask(view)) as Reached;
    expect(seen).toMatchObject({ method: 'POST', body: JSON_POST.body });
    const digest = seen.headers['x-countersign-content-digest'] as string;
    expect(digest).toBe(headerOf(view, 'content-digest'));
    expect(checkContentDigest(digest, Buffer.from(seen.body))).toBeUndefined();
  });

  it('lets the service find that a body is another one', async () => {
    const seen = (await ask(withBody(signedRequest(JSON_POST), '{"a":9}'))) as Reached;
    const digest = seen.headers['x-countersign-content-digest'] as string;
    expect(checkContentDigest(digest, Buffer.from(seen.body))?.code).toBe('digest_mismatch');
  });

  it('refuses bodies where nobody checks them', async () => {
    expect(await ask(signedRequest(JSON_POST), refusing)).toBe('403 body_not_checked');
    expect(await ask(signedRequest({ ...JSON_POST, method: 'GET' }), refusing)).toBe(
      '403 body_not_checked',
    );
    expect(await ask(signedRequest({ method: 'POST' }), refusing)).toMatchObject({ body: '' });
  });

  it('lets a request pass once', async () => {
    const view = get();
    expect(await ask(view)).toMatchObject({ target: '/' });
    expect(await ask(view)).toBe('401 nonce_replayed');
  });

  it('refuses what was altered, and what is not signed', async () => {
    const tenant = () =>
      signedRequest({ headers: { 'X-Tenant': 'a' }, signedHeaders: ['x-tenant'] });
    expect(await ask(tenant())).toMatchObject({ headers: { 'x-tenant': 'a' } });
    for (const view of [
      withTarget(get('/v1/a'), '/v1/b'),
      withTarget(get('/v1/a'), '/v1/a?b'),
      withMethod(get(), 'DELETE'),
      withHeader(tenant(), 'x-tenant', 'b'),
    ]) {
      expect(await ask(view)).toBe('401 credential_rejected');
    }
    expect(await ask({ ...get(), headers: ['Host', 'api.example.com'] })).toBe(
      '401 authorization_missing',
    );
    expect(await ask(withHeader(get(), 'host', 'other.example'))).toBe('403 host_not_allowed');
    expect(await ask(withAddedHeader(get(), 'X-HTTP-Method-Override', 'DELETE'))).toBe(
      '401 header_unsigned',
    );
  });

  it('attaches no body to a captured request without one', async () => {
    const hello = Buffer.from('hello');
    for (const port of [upstream, refusing]) {
      for (const framing of [
        ['Content-Length', '5'],
        ['Transfer-Encoding', 'chunked'],
        ['Content-Length', '0', 'Transfer-Encoding', 'chunked'],
        ['Transfer-Encoding', 'chunked', 'Connection', 'Transfer-Encoding'],
        ['Content-Length', '5', 'Connection', 'Content-Length'],
      ]) {
        for (const method of ['GET', 'DELETE', 'HEAD', 'PURGE']) {
          const view = signedRequest({ method });
          const attached = { ...view, headers: [...view.headers, ...framing], body: hello };
          expect(await ask(attached, port), framing.join()).toMatch(/^(401|403|411|400) /);
        }
      }
    }
  });

  it('hides no second request in a captured one', async () => {
    const hidden = 'DELETE /admin HTTP/1.1\r\nHost: api.example.com\r\n\r\n';
    for (const framing of [
      'Content-Length: 0\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked\r\nContent-Length: 0',
      'Transfer-Encoding: \x0bchunked',
      'Transfer-Encoding : chunked',
      'Content-Length: 0\r\nContent-Length: 50',
      `Content-Length: ${hidden.length}`,
    ]) {
      const text = Buffer.from(toHttp1(get())).toString('latin1');
      const wire = await Wire.open(upstream);
      wire.write(`${text.replace(/\r\n\r\n$/, `\r\n${framing}\r\n\r\n`)}0\r\n\r\n${hidden}`);
      // Where the proxy takes the framing for an empty body, what follows is a request of its own, and unsigned.
      const first = await wire.reply();
      const second = first.status === 200 ? await wire.reply() : first;
      expect(second.status, framing).toBeGreaterThanOrEqual(400);
      wire.socket.destroy();
      expect(
        reached.splice(0).filter(({ method, body }) => method !== 'GET' || body !== ''),
      ).toEqual([]);
    }
  });

  it('judges each request of a connection', async () => {
    const wire = await Wire.open(upstream);
    wire.write(get('/first')).write({ ...get('/second'), headers: ['Host', 'api.example.com'] });
    expect([(await wire.reply()).status, (await wire.reply()).status]).toEqual([200, 401]);
    wire.socket.destroy();
    expect(reached.splice(0).map(({ target }) => target)).toEqual(['/first']);
  });

  it.each([
    ...['/b%2fc', '/b;c=d', '/?', '/b?c?d', '/b%7ec', '/B/', '/b?a=%2f&a=%2F', '/a:b@c', '/b?c=;'],
    ...["/!$&'()*+,;=:@", '/b%20c', '/caf%c3%a9', '/b?c=//d', '/b?%2e%2e/', '/a%252fb', '/b/'],
  ])('shows the target %s as it was sent', async (target) => {
    expect(await ask(get(target))).toMatchObject({ target });
  });

  it.each([
    ...['//', '//b', '/b//', '/./b', '/a/../b', '/%2e%2e/b', '/b#c', '/b/..;/', 'b', '/b\\', '*'],
    ...['http://api.example.com/b', 'http://other.example/b', '//api.example.com/b', '/a%2f../b'],
  ])('repairs no target: %s', async (target) => {
    expect(await ask(withTarget(get('/b'), target))).toMatch(/^(403 target_malformed|400 proxy)$/);
  });

  it.each([
    ...['GET  /b HTTP/1.1', 'GET /b  HTTP/1.1', 'GET\t/b HTTP/1.1', 'GET /b', 'GET /b HTTP/3.0'],
    ...['get /b HTTP/1.1', 'GET /b /b HTTP/1.1', 'GET http://api.example.com/b HTTP/1.0'],
  ])('takes no request line for another: %s', async (line) => {
    const text = Buffer.from(toHttp1(get('/b'))).toString('latin1');
    const answer = await ask(text.replace('GET /b HTTP/1.1', line)).catch(() => '400 proxy');
    // HAProxy writes the line anew, for the service as for the endpoint.
    if (name === 'HAProxy' && /^GET\s+\/b\s+HTTP/.test(line)) {
      expect(answer).toMatchObject({ method: 'GET', target: '/b' });
    } else expect(answer).toMatch(/^[45]\d\d /);
  });

  it('takes away what callers may not say', async () => {
    const claims = {
      'X-Countersign-Credential': 'root',
      'x-countersign-group': 'admins',
      'X-Countersign-Signed-Headers': 'x-role',
      'X-Countersign-Content-Digest': 'sha-256=:AAAA:',
      'X-Countersign-Code': 'x',
      X_Countersign_Credential: 'root',
      'X-Countersign_Group': 'admins',
      'X-Original-Method': 'GET',
      'X-Original-URI': '/public',
      'X-Original-Content-Length': 'cl=',
      'X-Original-Transfer-Encoding': 'te=',
      'X-Original-Address': '10.0.0.1',
      'X-Original-Scheme': 'https',
    };
    for (const connection of ['close', 'X-Countersign-Credential, X-Original-URI, Authorization']) {
      const view = get('/v1/a');
      const more = [...Object.entries(claims).flat(), ...Object.entries(claims).flat()];
      const spoofing = {
        ...view,
        headers: [...more, ...view.headers, ...more, 'Connection', connection],
      };
      const { headers } = (await ask(spoofing)) as Reached;
      const told = Object.entries(headers).filter(([each]) => /^x[-_](counter|orig)/.test(each));
      expect(Object.fromEntries(told.filter(([, value]) => value !== ''))).toEqual({
        'x-countersign-credential': TEST_KEY.credential,
        'x-countersign-group': 'partners',
        'x-countersign-signed-headers': 'date;host;x-nonce',
      });
      expect(headers.connection ?? '').not.toContain('X-Countersign');
      expect(await ask({ ...spoofing, target: '/public' })).toBe('401 credential_rejected');
    }
  });

  it('lets nothing pass without an answer it knows', async () => {
    let status = 500;
    const endpoint = await listen((_, response) => response.writeHead(status).end());
    const port = await startProxy(name, { endpoint, service });
    for (status of [500, 404, 400, 429, 503]) {
      expect(await ask(get(), port)).toMatch(/^(403|404|400|429|5\d\d) proxy$/);
    }
    const nobody = await startProxy(name, { endpoint: 9, service });
    expect(await ask(get(), nobody)).toMatch(/^(403|5\d\d) proxy$/);
  });

  it('takes what curl and fetch send', async () => {
    let listener = createForwardAuth({ verifier: verifierOf() });
    const endpoint = await listen((request, response) => listener(request, response));
    const port = await startProxy(name, { endpoint, service });
    const hosts = [`127.0.0.1:${port}`];
    listener = createForwardAuth({ verifier: verifierOf({ hosts }), bodyCheck: 'upstream' });
    const url = `http://127.0.0.1:${port}/v1/orders?limit=10`;

    const fetch = signedFetch(createSigner(TEST_KEY), { origins: [new URL(url).origin] });
    const answer = await fetch(url, { method: 'POST', body: 'hello' });
    expect([answer.status, await answer.text()]).toEqual([200, 'from the service']);
    expect(reached.splice(0)).toMatchObject([{ body: 'hello' }]);

    const signed = createSigner(TEST_KEY).sign({ method: 'GET', url });
    const fields = Object.entries(signed).flatMap((pair) => ['-H', pair.join(': ')]);
    const args = ['--disable', '-sS', '-w', ' %{http_code}', ...fields, url];
    const { stdout } = await promisify(execFile)('curl', args);
    expect(stdout).toBe('from the service 200');
    expect(reached.splice(0)).toMatchObject([{ target: '/v1/orders?limit=10' }]);
    const again = await promisify(execFile)('curl', args);
    expect(again.stdout).toMatch(/ 401$/);
  });
});
