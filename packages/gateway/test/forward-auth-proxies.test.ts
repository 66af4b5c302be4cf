import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createSigner, signedFetch } from '@countersign/client';
import { checkContentDigest } from '@countersign/core';
import { createForwardAuth } from '@countersign/gateway';
import {
  headerOf,
  signedRequest,
  TEST_KEY,
  Wire,
  withAddedHeader,
  withBody,
  withHeader,
  withMethod,
  withTarget,
} from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { proxied } from './forward-auth-proxied.js';
import {
  listen,
  type ProxyName,
  type Reached,
  startProxy,
  verifierOf,
} from './forward-auth-rig.js';

const JSON_POST = {
  method: 'POST',
  body: '{"a":1}',
  headers: { 'Content-Type': 'application/json' },
};
const get = (path = '/') => signedRequest({ url: `https://api.example.com${path}` });

describe.each<ProxyName>(['nginx', 'Caddy', 'HAProxy'])('%s', (name) => {
  const proxy = proxied(name);
  const { ask, reached } = proxy;

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
    expect(await ask(signedRequest(JSON_POST), proxy.ports.refusing)).toBe('403 body_not_checked');
    expect(await ask(signedRequest({ ...JSON_POST, method: 'GET' }), proxy.ports.refusing)).toBe(
      '403 body_not_checked',
    );
    expect(await ask(signedRequest({ method: 'POST' }), proxy.ports.refusing)).toMatchObject({
      body: '',
    });
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

  it('judges each request of a connection', async () => {
    const wire = await Wire.open(proxy.ports.upstream);
    wire.write(get('/first')).write({ ...get('/second'), headers: ['Host', 'api.example.com'] });
    expect([(await wire.reply()).status, (await wire.reply()).status]).toEqual([200, 401]);
    wire.socket.destroy();
    expect(reached.splice(0).map(({ target }) => target)).toEqual(['/first']);
  });

  it('lets nothing pass without an answer it knows', async () => {
    let status = 500;
    const endpoint = await listen((_, response) => response.writeHead(status).end());
    const port = await startProxy(name, { endpoint, service: proxy.ports.service });
    for (status of [500, 404, 400, 429, 503]) {
      expect(await ask(get(), port)).toMatch(/^(403|404|400|429|5\d\d) proxy$/);
    }
    const nobody = await startProxy(name, { endpoint: 9, service: proxy.ports.service });
    expect(await ask(get(), nobody)).toMatch(/^(403|5\d\d) proxy$/);
  });

  it('takes what curl and fetch send', async () => {
    let listener = createForwardAuth({ verifier: verifierOf() });
    const endpoint = await listen((request, response) => listener(request, response));
    const port = await startProxy(name, { endpoint, service: proxy.ports.service });
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
