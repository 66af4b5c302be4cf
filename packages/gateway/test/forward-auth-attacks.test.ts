import { signedRequest, TEST_KEY, toHttp1, Wire, withTarget } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { proxied } from './forward-auth-proxied.js';
import type { ProxyName, Reached } from './forward-auth-rig.js';

const get = (path = '/') => signedRequest({ url: `https://api.example.com${path}` });

describe.each<ProxyName>(['nginx', 'Caddy', 'HAProxy'])('%s', (name) => {
  const proxy = proxied(name);
  const { ask, reached } = proxy;

  it('attaches no body to a captured request without one', async () => {
    const hello = Buffer.from('hello');
    for (const port of [proxy.ports.upstream, proxy.ports.refusing]) {
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
      const wire = await Wire.open(proxy.ports.upstream);
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
    if (name === 'HAProxy' && /^GET\s+\/b\s+HTTP\/1/.test(line)) {
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

  it.each([
    ...['X.Countersign.Credential', 'X~Countersign~Group', "x'countersign'group", 'X|Original|URI'],
    ...['X_HTTP_Method_Override', 'X-HTTP_Method-Override', 'X.Forwarded.For', 'Content_Type'],
  ])('shows no service %s, which it may take for another field', async (field) => {
    const view = get();
    const answer = await ask({ ...view, headers: [...view.headers, field, 'spoofed'] });
    if (typeof answer === 'string') expect(answer).toBe('403 header_malformed');
    else expect(Object.values(answer.headers)).not.toContain('spoofed');
    const headers = { [field.toLowerCase()]: 'spoofed' };
    const own = signedRequest({ headers, signedHeaders: [field.toLowerCase()] });
    expect(await ask(own)).toMatch(/^(403 header_malformed|401 header_missing|400 proxy)$/);
  });

  it('shows no service two spellings of one field', async () => {
    const view = signedRequest({ headers: { 'X-Tenant': 'a' }, signedHeaders: ['x-tenant'] });
    const answer = await ask({ ...view, headers: [...view.headers, 'X_Tenant', 'b'] });
    if (typeof answer === 'string') expect(answer).toBe('403 header_malformed');
    else expect(Object.values(answer.headers)).not.toContain('b');
  });
});
