import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { forwardTo, type Nginx, startNginx } from '@countersign/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Seen, startBackend } from './backend.js';

let nginx: Nginx;

beforeAll(async () => {
  const backend = await startBackend();
  nginx = await startNginx({
    http: 'map $request_uri $as_sent { "~^/raw(?<rest>/.*)$" $rest; }',
    server: `${forwardTo(backend)}
      ${forwardTo(backend, { path: '/api/', to: '/' })}
      ${forwardTo(backend, { path: '/raw/', to: '$as_sent' })}`,
  });
}, 120_000);
afterAll(() => nginx?.close());

/** Asks as a client of api.example.test that trusts nothing but the certificate. */
async function ask(path: string, headers: OutgoingHttpHeaders = {}, body?: string): Promise<Seen> {
  const asked = request(`${nginx.url}${path}`, {
    ca: nginx.certificate.cert,
    servername: 'api.example.test',
    headers: { host: 'api.example.test', ...headers },
    method: body === undefined ? 'GET' : 'POST',
    agent: false,
  });
  asked.end(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('error', reject).once('response', resolve);
  });
  expect(response.statusCode).toBe(200);
  return JSON.parse(await text(response));
}

describe('nginx', () => {
  it('tells the host that was asked for next to the internal one', async () => {
    const { headers, target, version } = await ask('/v1/orders?b=2&a=%2f', {
      'x-forwarded-host': 'made.up.test',
    });
    expect({ target, version }).toEqual({ target: '/v1/orders?b=2&a=%2f', version: '1.1' });
    expect(headers.host).toBe('internal.example.test');
    expect(headers['x-forwarded-host']).toBe('api.example.test');
  });

  it('adds the address of the peer behind what the client claims', async () => {
    const claimed = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' };
    expect((await ask('/')).headers['x-forwarded-for']).toBe('127.0.0.1');
    expect((await ask('/', claimed)).headers['x-forwarded-for']).toBe(
      '203.0.113.9, 198.51.100.7, 127.0.0.1',
    );
  });

  it('passes the fields that are signed as they were sent', async () => {
    const signed = {
      date: 'Wed, 01 Jan 2020 12:00:30 GMT',
      'x-nonce': '4fA9sGdR2l3n0QwErTy8uA',
      'content-type': 'application/json; charset=utf-8',
      'content-digest': 'sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:',
      authorization: 'HMAC-256 Credential=a,SignedHeaders=date;host,Signature=b=',
    };
    const body = '{"sku":"A-1","qty":2}';
    const seen = await ask('/v1/orders', signed, body);
    expect(seen).toMatchObject({ method: 'POST', body, headers: signed });
  });

  it('passes a body on while it still arrives', async () => {
    const asked = request(`${nginx.url}/early`, {
      ca: nginx.certificate.cert,
      method: 'POST',
      agent: false,
    });
    asked.on('error', () => {});
    asked.write('{"first":');
    const response = await new Promise<IncomingMessage>((resolve) => {
      asked.once('response', resolve);
    });
    expect(JSON.parse(await text(response))).toMatchObject({ body: '{"first":' });
    asked.destroy();
  });

  it('strips a prefix, which decodes the path', async () => {
    expect((await ask('/api/v1/orders?limit=10')).target).toBe('/v1/orders?limit=10');
    expect((await ask('/api/a%2Fb?c=%2F')).target).toBe('/a/b?c=%2F');
  });

  it('strips a prefix and leaves the rest as it was sent, with $request_uri', async () => {
    expect((await ask('/raw/v1/orders?limit=10')).target).toBe('/v1/orders?limit=10');
    expect((await ask('/raw/a%2Fb?c=%2f')).target).toBe('/a%2Fb?c=%2f');
  });

  it('shows a certificate that curl takes for the name and for the address', async () => {
    const { certFile } = nginx.certificate;
    const curl = async (...args: string[]): Promise<Seen> => {
      const always = ['--disable', '--silent', '--show-error', '--cacert', certFile];
      const { stdout } = await promisify(execFile)('curl', [...always, ...args]);
      return JSON.parse(stdout);
    };
    const named = ['--connect-to', `::127.0.0.1:${nginx.port}`, 'https://api.example.test/v1'];
    expect((await curl(...named)).headers['x-forwarded-host']).toBe('api.example.test');
    expect((await curl(`${nginx.url}/v1`)).headers['x-forwarded-host']).toBe(
      `127.0.0.1:${nginx.port}`,
    );
    const other = ['--connect-to', `::127.0.0.1:${nginx.port}`, 'https://other.example.test/'];
    await expect(curl(...other)).rejects.toThrow(/no alternative certificate subject name/i);
  });
});

describe('startNginx', () => {
  it('says in the words of nginx what is wrong with a configuration', async () => {
    await expect(startNginx({ server: 'no_such_directive on;' })).rejects.toThrow(
      /^nginx did not start: .*unknown directive "no_such_directive"/,
    );
  });

  it('leaves nothing behind when it is closed', async () => {
    const other = await startNginx({ server: forwardTo(9) });
    const directory = dirname(other.certificate.certFile);
    expect(await other.log()).toContain('start worker process');
    await other.close();
    await expect(access(directory)).rejects.toThrow('ENOENT');
    await expect(fetch(other.url)).rejects.toThrow('fetch failed');
  });
});
