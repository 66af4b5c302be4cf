import { readFileSync } from 'node:fs';
import { forwardTo, type Nginx, startNginx } from '@countersign/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask as askNginx,
  handled,
  NGINX,
  SOMEBODY_ELSE,
  startService,
} from './proxied.js';

/** The way of the documents to take a prefix off, for another prefix and port. */
function strippedAsDocumented(name: string, port: number) {
  const page = readFileSync(new URL('../../../docs/servers/node.md', import.meta.url), 'utf8');
  const [, block = ''] = /^```conf\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const [, headers = ''] = /^```nginx\n.*\n.*\n([\s\S]*?)^\}\n```$/m.exec(page) ?? [];
  expect(headers).toContain('proxy_set_header X-Forwarded-Host $http_host;');
  const own = block
    .replace(':3000', `:${port}`)
    .replace(' # the rest as above', `\n${headers}`)
    .replaceAll('_api', `_${name}`)
    .replaceAll('/api', `/${name}`);
  const [map = '', ...location] = own.split('\n');
  return { map, location: location.join('\n') };
}

let nginx: Nginx;
let wary: number;
const ask = (path: string, more?: Asked) => askNginx(nginx, path, more);

beforeAll(async () => {
  const behind = (prefix: Record<string, string>) =>
    startService({ trustedProxies: NGINX, prefix });
  const twoMounts = await behind({ '/': '/two/', '/v1/': '/old/' });
  const locations = [
    strippedAsDocumented('api', await behind({ '/': '/api/' })),
    strippedAsDocumented('two', twoMounts),
    strippedAsDocumented('unnamed', await behind({})),
  ];
  const decoded = await behind({ '/': '/decoded/' });
  wary = await startService({ trustedProxies: SOMEBODY_ELSE, prefix: { '/': '/api/' } });
  nginx = await startNginx({
    http: locations.map(({ map }) => map).join('\n'),
    server: [
      ...locations.map(({ location }) => location),
      forwardTo(decoded, { path: '/decoded/', to: '/' }),
      forwardTo(twoMounts, { path: '/old/', to: '/v1/' }),
    ].join('\n'),
  });
}, 120_000);
afterAll(() => nginx?.close());

describe('a prefix that nginx takes off', () => {
  it('is put back, and the rest is what was signed', async () => {
    expect(await ask('/api/v1/orders?limit=10')).toMatchObject({
      url: '/v1/orders?limit=10',
      target: '/api/v1/orders?limit=10',
    });
    expect(await ask('/api/')).toMatchObject({ url: '/', target: '/api/' });
  });

  it('leaves escapes alone, as documented', async () => {
    expect(await ask('/api/a%2Fb/%7ealice?c=%2f&b=%20')).toMatchObject({
      url: '/a%2Fb/%7ealice?c=%2f&b=%20',
      target: '/api/a%2Fb/~alice?b=%20&c=%2F',
    });
  });

  it('fits no escaped slash any more where proxy_pass decodes the path', async () => {
    expect(await ask('/decoded/v1/orders?c=%2F')).toMatchObject({ url: '/v1/orders?c=%2F' });
    expect(await ask('/decoded/a%2Fb')).toBe('credential_rejected');
    expect(await ask('/decoded/a/b', { sent: '/decoded/a%2Fb' })).toMatchObject({ url: '/a/b' });
  });

  it('may be one of several, of which the longest counts', async () => {
    expect(await ask('/two/orders')).toMatchObject({ url: '/orders', target: '/two/orders' });
    expect(await ask('/old/orders')).toMatchObject({ url: '/v1/orders', target: '/old/orders' });
    expect(await ask('/two/v1/orders')).toBe('credential_rejected'); // arrives like the one before
  });

  it.each([
    ['another spelling of the prefix', '/%61pi/v1/orders', 'credential_rejected'],
    ['a path that climbs', '/api/x/../v1/orders', 'target_malformed'],
    ['an empty segment', '/api//v1/orders', 'target_malformed'],
    ['another path', '/api/v1/order', 'credential_rejected'],
  ])('lets nothing else pass for it: %s', async (_, sent, code) => {
    expect(await ask('/api/v1/orders', { sent })).toBe(code);
    expect(handled).toHaveLength(0);
  });

  it('must be named', async () => {
    expect(await ask('/unnamed/v1/orders')).toBe('credential_rejected');
  });

  it('is put back for trusted proxies only', async () => {
    const past = { port: wary };
    expect(await ask('/api/v1/orders', { ...past, sent: '/v1/orders' })).toBe(
      'credential_rejected',
    );
    expect(await ask('/v1/orders', past)).toMatchObject({ target: '/v1/orders' });
  });
});
