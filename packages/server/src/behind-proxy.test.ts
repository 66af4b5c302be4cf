import { describe, expect, it } from 'vitest';
import { behindProxy, checkProxies } from './behind-proxy.js';

const rules = checkProxies(['10.0.0.0/8', '::1'], { '/': '/api/', '/v2/': '/new/' });
const headers = (...more: string[]) => ['Host', 'internal:8080', ...more];
const view = async (remoteAddress: string | undefined, ...more: string[]) =>
  behindProxy(rules, { method: 'GET', target: '/a?b', headers: headers(...more), remoteAddress });

describe('from a trusted proxy', () => {
  it.each(['10.1.2.3', '::ffff:10.1.2.3', '::1'])(
    '%s, host and path are the forwarded ones',
    async (peer) => {
      const seen = await view(peer, 'x-forwarded-host', 'api.example.com');
      expect(seen.headers.slice(0, 2)).toEqual(['Host', 'api.example.com']);
      expect(seen.target).toBe('/api/a?b');
    },
  );

  it('the longest prefix counts', async () => {
    const request = { method: 'GET', target: '/v2/a', headers: headers(), remoteAddress: '::1' };
    expect((await behindProxy(rules, request)).target).toBe('/new/a');
  });

  it('two forwarded hosts are no host', async () => {
    const seen = await view(
      '::1',
      'X-Forwarded-Host',
      'a.example',
      'X-Forwarded-Host',
      'b.example',
    );
    expect(seen.headers[1]).toBe('a.example, b.example');
  });

  it.each([
    [['X-Forwarded-For', '192.0.2.1'], '192.0.2.1'],
    [['X-Forwarded-For', '1.2.3.4, 192.0.2.1, 10.9.9.9'], '192.0.2.1'],
    [['X-Forwarded-For', '1.2.3.4', 'X-Forwarded-For', '192.0.2.1'], '192.0.2.1'],
    [['X-Forwarded-For', '10.0.0.7, 10.9.9.9'], '10.0.0.7'],
    [['X-Forwarded-For', '192.0.2.1, unknown'], undefined],
    [['X-Forwarded-For', ''], undefined],
    [['Forwarded', 'for=192.0.2.1;proto=https'], '192.0.2.1'],
    [['Forwarded', 'for=1.2.3.4, for="[2001:db8::1]:4711", for=10.0.0.1'], '2001:db8::1'],
    [['Forwarded', 'for="192.0.2.1:80"'], '192.0.2.1'],
    [['Forwarded', 'for="'], undefined],
    [['Forwarded', 'for=_hidden'], undefined],
    [['Forwarded', 'for=192.0.2.1', 'X-Forwarded-For', '192.0.2.1'], '192.0.2.1'],
    [['Forwarded', 'for=1.2.3.4', 'X-Forwarded-For', '192.0.2.1'], undefined],
    [['Forwarded', 'for=_hidden', 'X-Forwarded-For', '192.0.2.1'], undefined],
    [[], '10.1.2.3'],
  ] as const)('%j: the caller is %s', async (fields, address) => {
    expect((await view('10.1.2.3', ...fields)).remoteAddress).toBe(address);
  });
});

it.each(['192.0.2.1', '11.0.0.1', '::2', 'fe80::1%eth0', '', undefined])(
  'from %s nothing forwarded counts',
  async (peer) => {
    const more = ['X-Forwarded-Host', 'api.example.com', 'X-Forwarded-For', '10.0.0.1'];
    const seen = await view(peer, ...more);
    expect([seen.headers, seen.target, seen.remoteAddress]).toEqual([
      headers(...more),
      '/a?b',
      peer,
    ]);
  },
);

it.each([
  [[], undefined],
  ['10.0.0.0/8', undefined],
  [['10.0.0.0/33'], undefined],
  [['10.0.0/8'], undefined],
  [['::/129'], undefined],
  [['proxy.internal'], undefined],
  [[7], undefined],
  [undefined, { '/': '/api/' }],
  [['::1'], { '/': '/api' }],
  [['::1'], { a: '/api/' }],
  [['::1'], ['/api/']],
])('options %j, %j are refused', (trusted, prefix) => {
  expect(() => checkProxies(trusted, prefix)).toThrow(/^(trustedProxies|prefix)/);
});
