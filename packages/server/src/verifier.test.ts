import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { signedRequest, TEST_KEY_ENTRY, withHeader } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

const good = {
  keys: staticKeys([TEST_KEY_ENTRY]),
  nonces: memoryNonceStore({ start: 'fresh' }),
  hosts: ['api.example.com'],
};

/** As somebody calls it whom no compiler stops. */
const make = (options: unknown) => Reflect.apply(createVerifier, undefined, [options]);

function thrownBy(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}

const notWhole = [0, Number.NaN, '300', -1, 1.5, null, false, '', Infinity, -0, [300], {}, 300n];
const notFunctions = [null, false, 0, '', 'allowed', {}, []];
const BAD: readonly [option: string, values: readonly unknown[], named?: string][] = [
  [
    'keys',
    [undefined, null, false, 0, '', {}, { find: 'me' }, [], [TEST_KEY_ENTRY], () => undefined],
  ],
  ['nonces', [undefined, null, false, 0, '', {}, { skew: 300 }, { skew: 300, claim: true }]],
  [
    'nonces',
    [299, 0, -1, Number.NaN, undefined, null, 'x'].map((skew) => ({ skew, claim: () => 'fresh' })),
  ],
  ['hosts', [undefined, null, false, 0, '', [], {}, 'api.example.com', new Set(['a'])]],
  [
    'hosts',
    [
      '',
      ' ',
      'a/b',
      'a/evil?',
      'http://a',
      'a b',
      'a:',
      'a:b',
      'a:123456',
      '[::1',
      '*',
      'é',
      null,
      undefined,
      1,
      ['a'],
    ].map((host) => ['a', host]),
    'hosts[1]',
  ],
  ['skew', [...notWhole, 3_601]],
  ['requiredHeaders', [null, false, 0, '', 'x-tenant', {}]],
  [
    'requiredHeaders',
    [
      '',
      ' ',
      'a b',
      'é',
      'a:',
      'authorization',
      'Authorization',
      'connection',
      'te',
      'Transfer-Encoding',
      null,
      1,
    ].map((name) => ['date', name]),
    'requiredHeaders[1]',
  ],
  ['maxBodyBytes', [...notWhole.filter((value) => value !== 0), 2 ** 31]],
  ['bodyTimeout', [...notWhole, 3_600_001]],
  ['storeTimeout', [...notWhole, 3_600_001]],
  ['authorize', notFunctions],
  ['limitRate', notFunctions],
  ['now', [...notFunctions, 1_577_880_030_000]],
  ['disclosure', [null, false, true, 0, '', 'FULL', 'none', ['full']]],
  [
    'realm',
    [null, false, 0, '', 'a"b', 'a\\b', 'a\nb', 'a\r\nSet-Cookie: x', 'é', 'x'.repeat(129), ['a']],
  ],
];

describe('a bad option is refused at start, by name', () => {
  it.each(
    BAD.flatMap(([option, values, named = option]) =>
      values
        .filter((value) => !Object.is(value, -0) || option === 'skew' || option === 'bodyTimeout')
        .map((value) => ({ option, value, named })),
    ),
  )('$option: $value', ({ option, value, named }) => {
    const error = thrownBy(() => make({ ...good, [option]: value }));
    expect(error.constructor === TypeError || error.constructor === RangeError).toBe(true);
    expect(error.message.startsWith(`${named}: `)).toBe(true);
  });

  it.each([
    'Skew',
    'host',
    'tolerance',
    'clockTolerance',
    'nonceStore',
    'maxBodySize',
    'toString',
    'x',
  ])('unknown: %s', (option) => {
    const error = thrownBy(() => make({ ...good, [option]: undefined }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(new RegExp(`^${option}: unknown option`));
  });

  it('__proto__ as an own member of parsed JSON', () => {
    const parsed: object = JSON.parse('{"__proto__":{"skew":1}}');
    const error = thrownBy(() =>
      make(Object.defineProperties({ ...good }, Object.getOwnPropertyDescriptors(parsed))),
    );
    expect(error.message).toMatch(/^__proto__: unknown option/);
  });

  it.each([undefined, null, 0, '', 'keys', () => good])('options: %s', (options) => {
    expect(thrownBy(() => make(options))).toBeInstanceOf(TypeError);
  });
});

describe('good options', () => {
  it.each([
    { skew: 1 },
    { nonces: memoryNonceStore({ skew: 3_600 }), skew: 3_600 },
    { nonces: memoryNonceStore({ skew: 301 }) },
    { maxBodyBytes: 0 },
    { maxBodyBytes: 2 ** 31 - 1 },
    { bodyTimeout: 1 },
    { hosts: ['a', 'LOCALHOST:8080', '[::1]:443', 'under_score.example'] },
    { requiredHeaders: [] },
    { requiredHeaders: ['X-Tenant', 'content-type'] },
    { disclosure: 'minimal' },
    { realm: ' ' },
    {
      skew: undefined,
      requiredHeaders: undefined,
      maxBodyBytes: undefined,
      bodyTimeout: undefined,
      authorize: undefined,
      limitRate: undefined,
      disclosure: undefined,
      realm: undefined,
      now: undefined,
    },
  ])('%o', (options) => {
    const verifier = make({ ...good, ...options });
    expect(Object.isFrozen(verifier)).toBe(true);
    expect(Object.keys(verifier)).toEqual([
      'verify',
      'answer',
      'route',
      'optional',
      'maxResponseBytes',
      'signResponse',
      'health',
    ]);
  });

  it('are read once: what is done to them later changes nothing', async () => {
    const hosts = ['api.example.com'];
    const requiredHeaders = ['host'];
    const options = { ...good, hosts, requiredHeaders };
    const verifier = createVerifier(options);
    hosts[0] = 'other.example';
    requiredHeaders[0] = 'x-tenant';
    Object.assign(options, { skew: 1, keys: { find: () => undefined } });
    expect(await verifier.verify(signedRequest())).toMatchObject({ verdict: 'accepted' });
  });

  it('hosts are compared in their canonical form', async () => {
    const verifier = createVerifier({ ...good, hosts: ['API.example.com:443', '[::1]:8080'] });
    for (const host of [
      'api.example.com',
      'API.EXAMPLE.COM:80',
      'api.example.com:443',
      '[::1]:8080',
    ]) {
      const view = signedRequest({ url: `http://${host.toLowerCase()}/` });
      expect(await verifier.verify(withHeader(view, 'host', host))).toMatchObject({
        verdict: 'accepted',
      });
    }
    for (const host of ['api.example.com:8080', '[::1]', 'example.com']) {
      expect(await verifier.verify(signedRequest({ url: `http://${host}/` }))).toMatchObject({
        code: 'host_not_allowed',
      });
    }
  });

  it('requiredHeaders asks for a field whatever the caller signed', async () => {
    const verifier = createVerifier({ ...good, requiredHeaders: ['X-Tenant'] });
    const headers = { 'X-Tenant': 'a' };
    expect(await verifier.verify(signedRequest())).toMatchObject({ code: 'header_missing' });
    expect(await verifier.verify(signedRequest({ headers }))).toMatchObject({
      code: 'header_unsigned',
    });
    const signed = signedRequest({ headers, signedHeaders: ['x-tenant'] });
    expect(await verifier.verify(signed)).toMatchObject({ verdict: 'accepted' });
  });
});
