import {
  createPolicy,
  type PolicyDefinition,
  type PolicyQuestion,
  type PolicyRule,
} from '@countersign/server/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const ask = (definition: PolicyDefinition, question: Partial<PolicyQuestion> = {}) =>
  createPolicy(definition, { checksPayload: true }).decide({
    credential: 'acme',
    group: 'partners',
    method: 'GET',
    target: '/v1/orders',
    ...question,
  });
const code = (definition: PolicyDefinition, question: Partial<PolicyQuestion> = {}) => {
  const answer = ask(definition, question);
  return answer.allowed ? 'allowed' : answer.code;
};
const ruleOf = (definition: PolicyDefinition, question: Partial<PolicyQuestion> = {}) =>
  ask(definition, question) as PolicyRule;
const routes = ['GET /**'];

describe('addresses', () => {
  const denied = 'address_not_allowed';
  const from = (settings: PolicyDefinition, address: string | undefined) =>
    code({ routes, ...settings }, { address });

  it.each([
    [['10.0.0.0/8'], ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0', '::1']],
    [['10.1.2.3'], ['10.1.2.3'], ['10.1.2.2', '10.1.2.4', '::a01:203']],
    [['10.1.2.3/8'], ['10.9.9.9'], ['11.1.2.3']],
    [['0.0.0.0/0'], ['0.0.0.0', '255.255.255.255'], ['::', '::1', '2001:db8::1']],
    [['2001:db8::/33'], ['2001:db8:7fff::1', '2001:DB8::1'], ['2001:db8:8000::1', '10.0.0.1']],
    [['::1'], ['::1', '0:0:0:0:0:0:0:1'], ['::', '::2', '0.0.0.1', '127.0.0.1']],
    [['::/0'], ['::', '2001:db8::1', '::a01:203'], ['10.0.0.1', '::ffff:10.0.0.1']],
    [['::ffff:10.0.0.0/104'], ['10.1.2.3', '::ffff:10.1.2.3'], ['11.1.2.3', '::1']],
  ])('%j has %j and not %j, IPv4 in either notation', (list, has, not) => {
    const spellings = (address: string) =>
      address.includes(':')
        ? [address]
        : [address, `::ffff:${address}`, `0:0:0:0:0:FFFF:${address}`];
    for (const address of has.flatMap(spellings)) {
      expect(from({ allowAddresses: list }, address), address).toBe('allowed');
      expect(from({ denyAddresses: list }, address), address).toBe(denied);
    }
    for (const address of not.flatMap(spellings)) {
      expect(from({ allowAddresses: list }, address), address).toBe(denied);
      expect(from({ denyAddresses: list }, address), address).toBe('allowed');
    }
  });

  it('are refused if they are not known, by either list', () => {
    for (const address of [
      undefined,
      '',
      'unknown',
      '_hidden',
      '10.0.0.1:80',
      '10.0.0.01',
      ' ::1',
    ]) {
      expect(from({ allowAddresses: ['0.0.0.0/0', '::/0'] }, address), address).toBe(denied);
      expect(from({ denyAddresses: ['192.0.2.1'] }, address), address).toBe(denied);
      expect(from({ denyAddresses: [] }, address), address).toBe(denied);
      expect(from({}, address), address).toBe('allowed');
    }
  });

  it('are refused if both lists have them', () => {
    const lists = { allowAddresses: ['10.0.0.0/8'], denyAddresses: ['10.6.6.0/24'] };
    expect(from(lists, '10.6.5.6')).toBe('allowed');
    expect(from(lists, '10.6.6.6')).toBe(denied);
  });

  it('are in a block when their bits say so', () => {
    const bits = (address: number) =>
      [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
    const address = fc.nat({ max: 0xffffffff });
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 32 }), address, (block, length, near) => {
        const size = 2 ** (32 - length);
        const asked = Math.random() < 0.5 ? near : Math.floor(block / size) * size + (near % size);
        const isIn = Math.floor(block / size) === Math.floor(asked / size);
        const settings = { allowAddresses: [`${bits(block)}/${length}`] };
        expect(from(settings, bits(asked))).toBe(isIn ? 'allowed' : denied);
      }),
      { numRuns: 500 },
    );
  });
});

describe('HTTPS, if it is asked for', () => {
  it('is what is known to be HTTPS', () => {
    expect(code({ routes, https: true }, { secure: true })).toBe('allowed');
    expect(code({ routes, https: true }, { secure: false })).toBe('permission_denied');
    expect(code({ routes, https: true })).toBe('permission_denied');
    expect(code({ routes, https: false })).toBe('allowed');
  });
});

describe('what servers disagree on in a path', () => {
  it.each([
    ['%2F', '/a%2Fb'],
    ['%5C', '/a%5Cb'],
    [';', '/a;b'],
    [';', '/a%3Bb'],
  ] as const)('%s is refused in %s unless it is allowed', (oddity, target) => {
    expect(code({ routes }, { target })).toBe('permission_denied');
    expect(code({ routes, allowInPath: [oddity] }, { target })).toBe('allowed');
    const others = (['%2F', '%5C', ';'] as const).filter((each) => each !== oddity);
    expect(code({ routes, allowInPath: others }, { target })).toBe('permission_denied');
    expect(code({ routes }, { target: `/a?${target.slice(1)}` })).toBe('allowed');
  });
});

describe('a method-override field', () => {
  it('must name the method that the rules were asked about', () => {
    expect(code({ routes }, { methodOverrides: ['GET'] })).toBe('allowed');
    for (const methodOverrides of [['DELETE'], ['GET', 'DELETE'], ['get'], ['']]) {
      expect(code({ routes }, { methodOverrides }), `${methodOverrides}`).toBe('permission_denied');
    }
  });
});

describe('settings', () => {
  const orders = { routes: [{ path: '/v1/orders', methods: ['GET'], skew: 40 }], skew: 30 };
  const skew = (definition: PolicyDefinition, question: Partial<PolicyQuestion> = {}) =>
    ruleOf({ applications: { orders }, ...definition }, question).skew;

  it('of a group override those of everybody, and those of a key override both', () => {
    const partners = { routes, skew: 20 };
    expect(skew({ skew: 10, groups: { partners: { routes } } })).toBe(10);
    expect(skew({ skew: 10, groups: { partners } })).toBe(20);
    const all = { skew: 10, groups: { partners }, credentials: { acme: { skew: 50 } } };
    expect(skew(all)).toBe(50);
    expect(skew(all, { credential: 'other' })).toBe(20);
    expect(skew({ ...all, routes }, { credential: 'other', group: 'none' })).toBe(10);
  });

  it('of one caller are not those of the next', () => {
    const groups = { partners: { routes }, listed: { credentials: ['third'], skew: 30 } };
    const policy = createPolicy({ groups, credentials: { acme: { skew: 50 } } });
    const skewOf = (credential: string, group: string) => {
      const question = { credential, group, method: 'GET', target: '/' };
      return (policy.decide(question) as Partial<PolicyRule>).skew;
    };
    for (let i = 0; i < 2; i++) {
      expect(skewOf('acme', 'partners')).toBe(50);
      expect(skewOf('other', 'partners')).toBeUndefined();
      expect(skewOf('third', 'partners')).toBe(30);
      expect(policy.decide({ credential: 'acme', method: 'GET', target: '/' }).allowed).toBe(false);
    }
  });

  it('of a line override what stands around it, an application before the line that names it', () => {
    const line = (more: object) => ({
      groups: { partners: { skew: 20, routes: [more as never] } },
    });
    expect(skew(line({ path: '/**', methods: ['GET'], skew: 25 }))).toBe(25);
    expect(skew(line({ application: 'orders' }))).toBe(40);
    expect(skew(line({ application: 'orders', skew: 45 }))).toBe(45);
    const { applications, credentials } = {
      applications: { orders: { ...orders, routes } },
      credentials: { acme: { skew: 50 } },
    };
    expect(skew({ ...line({ application: 'orders' }), applications })).toBe(30);
    expect(skew({ ...line({ application: 'orders', skew: 45 }), credentials })).toBe(50);
    const own = { acme: { skew: 50, routes: [{ application: 'orders', skew: 55 }] } };
    expect(skew({ ...line({ application: 'orders' }), credentials: own })).toBe(55);
    const everybody = { routes: [{ path: '/**', methods: ['GET'], skew: 15 }], skew: 10 };
    expect(skew({ ...everybody, groups: { partners: { skew: 20 } } })).toBe(20);
    expect(skew({ ...everybody, groups: { partners: {} } })).toBe(15);
  });

  it('of all groups of the caller hold: of the one whose route decides first, then of the earlier', () => {
    const groups = {
      a: { credentials: ['acme'], skew: 60, https: true },
      b: { credentials: ['acme'], skew: 70, maxBodyBytes: 7 },
      partners: { routes },
    };
    expect(ruleOf({ groups }, { secure: true })).toMatchObject({ skew: 60, maxBodyBytes: 7 });
    expect(code({ groups })).toBe('permission_denied');
    const partners = { routes, skew: 80 };
    expect(ruleOf({ groups: { ...groups, partners } }, { secure: true })).toMatchObject({
      skew: 80,
    });
  });

  it('that a group switches off do not hold', () => {
    const strict = {
      ...{ https: true, signedResponses: true, payload: {}, requiredHeaders: ['x-a'] },
      rateLimits: [{ requests: 1, seconds: 1 }],
    };
    const off = { https: false, signedResponses: false, requiredHeaders: [], rateLimits: [] };
    const partners = { routes, ...off, payload: false } as const;
    expect(ruleOf({ ...strict, groups: { partners } })).toMatchObject({
      ...{ signedResponses: false, requiredHeaders: [], rateLimits: [], payload: undefined },
    });
  });

  it('are handed on with their defaults and their places', () => {
    const rateLimits = [
      { requests: 5, seconds: 1 },
      { requests: 9, seconds: 60, per: 'group' },
    ] as const;
    const partners = { rateLimits, payload: {}, requiredHeaders: ['X-Tenant'] };
    const routes = [{ application: 'orders', maxBodyBytes: 9 }];
    const groups = { partners: { ...partners, routes } };
    expect(ruleOf({ applications: { orders }, groups })).toMatchObject({
      allowed: true,
      rule: 'groups.partners.routes[0]',
      via: 'applications.orders.routes[0]',
      application: 'orders',
      pattern: '/v1/orders',
      maxBodyBytes: 9,
      skew: 40,
      requiredHeaders: ['x-tenant'],
      rateLimits: [
        { rule: 'groups.partners.rateLimits[0]', requests: 5, seconds: 1, per: 'credential' },
        { rule: 'groups.partners.rateLimits[1]', requests: 9, seconds: 60, per: 'group' },
      ],
      payload: {
        contentTypes: ['application/json'],
        ...{ maxDepth: 32, maxKeys: 10_000, maxStringLength: 65_536 },
      },
    });
  });
});

describe('ruleOf', () => {
  it('knows the rule of an identity that was allowed, and of no other', () => {
    const policy = createPolicy({ routes: ['GET /a'] });
    const [allowed, refused] = [{}, {}];
    const question = { credential: 'acme', method: 'GET', target: '/a' };
    policy.decide(question, allowed);
    policy.decide({ ...question, method: 'PUT' }, refused);
    expect(policy.ruleOf(allowed)).toMatchObject({ rule: 'routes[0]' });
    expect(policy.ruleOf(refused)).toBeUndefined();
    expect(policy.ruleOf({})).toBeUndefined();
  });
});
