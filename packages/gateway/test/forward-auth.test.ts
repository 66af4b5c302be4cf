import { createForwardAuth } from '@countersign/gateway';
import type { Verifier } from '@countersign/server';
import { staticKeys } from '@countersign/server';
import {
  headerOf,
  signedRequest,
  TEST_KEY,
  TEST_KEY_ENTRY,
  withAddedHeader,
  withHeader,
  withMethod,
  withoutHeader,
  withTarget,
} from '@countersign/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { about, ask, outcome } from './forward-auth-asking.js';
import { listen, startEndpoint, verifierOf } from './forward-auth-rig.js';

let refusing: number;
let upstream: number;
beforeAll(async () => {
  refusing = await startEndpoint();
  upstream = await startEndpoint({ bodyCheck: 'upstream' });
});

const POST = { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } };

describe('an accepted request', () => {
  it('is told with who asked', async () => {
    const { status, headers, body } = await ask(refusing, about(signedRequest()));
    expect({ status, body }).toEqual({ status: 200, body: '' });
    const told = [...headers].filter(([name]) => name.startsWith('x-countersign-'));
    expect(Object.fromEntries(told)).toEqual({
      'x-countersign-credential': TEST_KEY.credential,
      'x-countersign-group': 'partners',
      'x-countersign-signed-headers': 'date;host;x-nonce',
      'x-countersign-content-digest': '',
    });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('is not told to have signed what proxies say in its place', async () => {
    const headers = { 'X-Forwarded-For': '192.0.2.7', 'X-Tenant': 'a' };
    const view = signedRequest({ headers, signedHeaders: ['x-forwarded-for', 'x-tenant'] });
    const answer = await ask(refusing, about(view));
    expect(answer.headers.get('x-countersign-signed-headers')).toBe('date;host;x-nonce;x-tenant');
  });

  it('has its digest told, where one is signed', async () => {
    const view = signedRequest(POST);
    const { status, headers } = await ask(upstream, about(view));
    expect(status).toBe(200);
    expect(headers.get('x-countersign-content-digest')).toBe(headerOf(view, 'content-digest'));
    expect(headers.get('x-countersign-signed-headers')).toBe(
      'content-digest;content-type;date;host;x-nonce',
    );
  });

  it('does not have a digest told that nobody signed', async () => {
    const digest = headerOf(signedRequest({ method: 'POST' }), 'content-digest') as string;
    const view = withAddedHeader(signedRequest(), 'Content-Digest', digest);
    const { status, headers } = await ask(upstream, about(view));
    expect([status, headers.get('x-countersign-content-digest')]).toEqual([200, '']);
  });

  it('is accepted once', async () => {
    const subrequest = about(signedRequest());
    expect(await outcome(refusing, subrequest)).toBe('200');
    expect(await outcome(refusing, subrequest)).toBe('401 nonce_replayed');
  });

  it('is answered on any path and by any method, with the X-Original fields in any case', async () => {
    for (const [method, target] of [
      ['GET', 'http://127.0.0.1:9000/verify'],
      ['POST', '/a/../b?c'],
      ['DELETE', '/'],
    ] as const) {
      const { headers } = about(signedRequest());
      const spelt = headers.map((text, i) => (i % 2 === 0 ? text.toUpperCase() : text));
      const subrequest = { method, target, headers: [...spelt, 'Content-Length', '0'] };
      expect(await outcome(refusing, subrequest)).toBe('200');
    }
  });
});

describe('what the proxy says was asked', () => {
  const names = about(signedRequest()).headers.filter(
    (name, i) => i % 2 === 0 && name.startsWith('X-Original-'),
  );

  it.each(names)('%s may not be missing, empty or there twice', async (name) => {
    const subrequest = about(signedRequest());
    const value = headerOf(subrequest, name) as string;
    expect(await outcome(upstream, withoutHeader(subrequest, name))).toBe('403 original_missing');
    expect(await outcome(upstream, withHeader(subrequest, name, ''))).toBe('403 original_missing');
    for (const second of [value, '', 'x']) {
      for (const spelling of [name, name.toLowerCase()]) {
        const behind = [...subrequest.headers, spelling, second];
        const before = [spelling, second, ...subrequest.headers];
        for (const headers of [behind, before]) {
          expect(await outcome(upstream, { ...subrequest, headers })).toMatch(
            second === '' && headers === before
              ? /^403 original_(missing|duplicated)$/
              : /^403 original_duplicated$/,
          );
        }
      }
    }
    expect(await outcome(upstream, subrequest)).toBe('200');
  });

  it.each([
    ['X-Original-Method', ['G T', 'GET,GET', 'GET/', '"GET"', 'caf\xe9']],
    ['X-Original-Content-Length', ['0', '5', 'CL=', 'cl', '=', ' =', 'te=', 'xcl=']],
    ['X-Original-Transfer-Encoding', ['chunked', '-', 'TE=', 'te', 'cl=', 'xte=']],
    ['X-Original-Address', ['-', 'unix:', 'localhost', '192.0.2.1, ::1', '[::1]', '1.2.3.4:5']],
    ['X-Original-Scheme', ['HTTPS', 'https,http', 'ws', 'on', 'true']],
  ])('%s must have its form', async (name, values) => {
    for (const value of values) {
      const subrequest = withHeader(about(signedRequest()), name, value);
      expect(await outcome(upstream, subrequest), value).toBe('403 original_malformed');
    }
  });

  it.each([
    ...['//', '/a//b', '/a/../b', '/%2e/b', '/b#c', 'b', '?b', '*', 'http://api.example.com/b'],
    ...['//api.example.com/b', '/b\\', '/b%00', '/b c', '/caf\xe9', '/b/..;/b', '-', '""'],
  ])('the target %j is refused, whatever it resolves to', async (target) => {
    const view = withTarget(signedRequest({ url: 'https://api.example.com/b' }), target);
    expect(await outcome(refusing, about(view))).toBe('403 target_malformed');
  });

  it.each([...['/b/', '/B', '/b?', '/b?a', '/b;c', '/b%2f', '/%2fb']])(
    'the target %s is that target',
    async (target) => {
      const signed = signedRequest({ url: 'https://api.example.com/b' });
      const isSame = target === '/b?'; // an empty query is none, by the protocol
      expect(await outcome(refusing, about(withTarget(signed, target)))).toBe(
        isSame ? '200' : '401 credential_rejected',
      );
      const own = signedRequest({ url: `https://api.example.com${target}` });
      expect(await outcome(refusing, about(own))).toBe('200');
    },
  );

  it('is judged, not the subrequest', async () => {
    const view = signedRequest({ method: 'GET', url: 'https://api.example.com/verify' });
    expect(await outcome(refusing, about(withMethod(view, 'DELETE')))).toBe(
      '401 credential_rejected',
    );
    expect(await outcome(refusing, about(withMethod(view, 'get')))).toBe('401 credential_rejected');
    expect(await outcome(refusing, about(withTarget(view, '/other')))).toBe(
      '401 credential_rejected',
    );
    expect(await outcome(refusing, view)).toBe('403 original_missing');
  });

  it('tells rules the address and the scheme', async () => {
    const asked: unknown[] = [];
    const verifier = verifierOf({
      authorize(_, { remoteAddress }) {
        asked.push(remoteAddress);
        return remoteAddress === '192.0.2.1' ? 'allowed' : 'address_not_allowed';
      },
    });
    const port = await startEndpoint({ verifier });
    expect(await outcome(port, about(signedRequest()))).toBe('200');
    const other = withHeader(about(signedRequest()), 'x-original-address', '2001:db8::7');
    expect(await outcome(port, other)).toBe('403 address_not_allowed');
    expect(asked).toEqual(['192.0.2.1', '2001:db8::7']);
  });
});

describe('a crowd of fields', () => {
  const crowd = (count: number) => {
    const view = signedRequest();
    const more = Array.from({ length: count - view.headers.length / 2 }, (_, i) => [`x-${i}`, 'v']);
    return about({ ...view, headers: [...view.headers, ...more.flat()] });
  };

  it('may be as large as that of any request, besides what the proxy adds', async () => {
    expect(await outcome(refusing, crowd(100))).toBe('200');
    expect(await outcome(refusing, crowd(101))).toBe('403 headers_too_many');
    expect(await outcome(refusing, crowd(400))).toBe('403 headers_too_many');
  });

  it('is refused where the server may have dropped some', async () => {
    const listener = createForwardAuth({ verifier: verifierOf() });
    const port = await listen(listener, { maxHeadersCount: 20 });
    expect(await outcome(port, crowd(13))).toBe('200'); // with 6 of the proxy's own
    expect(await outcome(port, crowd(14))).toBe('403 headers_too_many');
    // Node 20 drops what is more, later ones answer by themselves.
    const { headers, ...subrequest } = crowd(40);
    const turned = [...headers.slice(12), ...headers.slice(0, 12)];
    for (const sent of [headers, turned]) {
      const { status } = await ask(port, { ...subrequest, headers: sent });
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('whoever asks', () => {
  it('must be a trusted peer, in front of everything else', async () => {
    for (const trustedPeers of [['10.0.0.0/8'], ['::1'], ['127.0.0.2'], ['::/0']]) {
      const port = await startEndpoint({ trustedPeers });
      expect(await outcome(port, about(signedRequest()))).toBe('403 peer_not_trusted');
      const empty = { ...signedRequest(), headers: ['Host', 'a'] };
      expect(await outcome(port, empty)).toBe('403 peer_not_trusted');
    }
    const port = await startEndpoint({ trustedPeers: ['10.0.0.7', '127.0.0.1/32'] });
    expect(await outcome(port, about(signedRequest()))).toBe('200');
  });
});

describe('a verifier of somebody’s own', () => {
  it.each<[string, Partial<Verifier>]>([
    ['throws', { verify: () => Promise.reject(new Error('no')) }],
    [
      'throws at once',
      {
        verify: () => {
          throw new Error('no');
        },
      },
    ],
    ['answers with nothing', { verify: async () => undefined as never }],
    ['lets nobody in particular in', { verify: async () => ({ verdict: 'anonymous' }) as never }],
  ])('that %s refuses', async (_, own) => {
    const base = verifierOf();
    const verifier = { ...base, ...own, route: () => verifier } as Verifier;
    const port = await listen(createForwardAuth({ verifier }));
    expect(await outcome(port, about(signedRequest()))).toBe('403 verification_failed');
  });

  it('that knows a group which fits in no field refuses', async () => {
    const found = staticKeys([TEST_KEY_ENTRY]);
    for (const group of ['a\r\nX-Countersign-Credential: root', '\u{1f600}', 'é']) {
      const keys = {
        find: async (credential: string) => {
          const key = await found.find(credential);
          return key === undefined ? undefined : { ...key, group };
        },
      };
      const port = await startEndpoint({ verifier: verifierOf({ keys }) });
      expect(await outcome(port, about(signedRequest()))).toBe('403 verification_failed');
    }
  });
});
