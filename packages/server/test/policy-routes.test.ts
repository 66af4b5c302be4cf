import { createPolicy, type PolicyDefinition } from '@countersign/server/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const allows = (definition: PolicyDefinition, target: string, method = 'GET') =>
  createPolicy(definition).decide({ credential: 'acme', group: 'partners', method, target })
    .allowed;

describe('a path', () => {
  const table: readonly (readonly [
    pattern: string,
    yes: readonly string[],
    no: readonly string[],
  ])[] = [
    ['/', ['/', '/?a=/v1'], ['/a', '/%2F']],
    ['/v1', ['/v1', '/v1?x=1'], ['/', '/v1/', '/V1', '/v', '/v11', '/v1/a', '/x/v1']],
    ['/v1/', ['/v1/'], ['/v1', '/v1/a', '/v1/a/']],
    ['/v1/{id}', ['/v1/7', '/v1/a.b~c', '/v1/caf%C3%A9'], ['/v1', '/v1/', '/v1/7/', '/v1/7/8']],
    ['/{a}/{b}', ['/x/y'], ['/x', '/x/', '/', '/x/y/z']],
    ['/{a}/x/{b}/y', ['/1/x/2/y'], ['/1/x/2', '/1/y/2/x', '/1/x/2/y/', '/x/2/y']],
    ['/**', ['/', '/a', '/a/b/', '/a?b'], []],
    ['/v1/**', ['/v1/', '/v1/a', '/v1/a/b/c/'], ['/v1', '/v11/a', '/v2/a', '/']],
    ['/v1/{id}/**', ['/v1/7/', '/v1/7/8'], ['/v1/7', '/v1/', '/v1']],
    ['/caf%C3%A9', ['/caf%C3%A9'], ['/cafe', '/caf%C3%A9/']],
    ['/a+b/$c', ['/a+b/$c'], ['/aab/$c', '/a+b/c']],
    ['/%5E(a)', ['/%5E(a)'], ['/^(a)', '/a']],
  ];

  it.each(table)('%s is met by %j and not by %j', (pattern, yes, no) => {
    for (const target of yes)
      expect(allows({ routes: [`GET ${pattern}`] }, target), target).toBe(true);
    for (const target of no)
      expect(allows({ routes: [`GET ${pattern}`] }, target), target).toBe(false);
  });
});

describe('a method', () => {
  it('is compared as it is sent, and none stands for another', () => {
    const definition = { routes: ['GET,M-SEARCH /a'] };
    for (const method of ['GET', 'M-SEARCH']) expect(allows(definition, '/a', method)).toBe(true);
    for (const method of ['get', 'HEAD', 'POST', '*', '', 'GET,M-SEARCH']) {
      expect(allows(definition, '/a', method), method).toBe(false);
    }
    expect(allows({ routes: ['* /a'] }, '/a', 'BREW')).toBe(true);
  });
});

describe('a route that denies', () => {
  const but = (path: string, more: object = {}) => ({
    routes: [
      { path: '/**', methods: ['*'], allowInPath: ['%2F', '%5C', ';'] as const },
      { path, deny: true, ...more },
    ],
  });

  it('wins over all that allow, wherever they stand', () => {
    const everywhere = {
      routes: [{ path: '/admin', deny: true }],
      groups: { partners: { routes: ['* /**'] } },
      credentials: { acme: { routes: ['GET /admin'] } },
    };
    expect(allows(everywhere, '/admin')).toBe(false);
    expect(allows(everywhere, '/admins')).toBe(true);
    expect(allows({ ...everywhere, routes: [] }, '/admin')).toBe(true);
  });

  it('is met by what a loose server may take for its path', () => {
    for (const target of [
      ...['/admin', '/ADMIN', '/Admin/', '/admin;x=1', '/admin%3Bx', '/%2Fadmin', '/;/admin'],
      ...['/admin%5C', '/admin%2F', '/admin?x=1', '/admin%3bx'.toUpperCase()],
    ]) {
      expect(allows(but('/admin'), target), target).toBe(false);
    }
    for (const target of ['/v1/Admin/x', '/v1%2Fadmin/x', '/v1/admin', '/v1;a/admin%5Cx']) {
      expect(allows(but('/v1/admin/**'), target), target).toBe(false);
    }
    for (const target of ['/users/%40me', '/users/@me']) {
      expect(allows(but('/users/@me'), target), target).toBe(false);
    }
    expect(allows(but('/files/{name}'), '/files/a%2Fb')).toBe(false);
    for (const target of [
      ...[
        '/%E2%84%AAeys',
        '/%EF%BD%8Beys',
        '/ke%C2%ADys',
        '/key%C5%BF',
        '/KE%CC%81YS',
        '/k%C3%A9ys',
      ],
      ...['/keys.', '/keys..', '/keys%20', '/keys.%20.', '/%20keys', '/keys%C2%A0', '/%C1%ABeys'],
      ...['/keys.;a', '/%EF%BC%8Fkeys', '/keys%EF%BC%9Bx', '/keys.%5C'],
    ]) {
      expect(allows(but('/keys'), target), target).toBe(false);
    }
    for (const target of ['/admin%20/x', '/admin./x', '/admin.%20/x', '/%EF%BC%A1dmin/x']) {
      expect(allows(but('/admin/**'), target), target).toBe(false);
    }
    for (const target of ['/CAF%C3%89', '/cafe%CC%81', '/cafe']) {
      expect(allows(but('/caf%C3%A9'), target), target).toBe(false);
    }
    expect(allows(but('/a./b'), '/A/b')).toBe(false);
  });

  it('is met by nothing else', () => {
    for (const target of ['/%C3%B8admin', '/.admin', '/ad.min', '/ad%20min', '/%E6%9D%8E']) {
      expect(allows(but('/admin'), target), target).toBe(true);
    }
    for (const target of ['/', '/admins', '/admin2', '/x/admin', '/%2561dmin', '/adm%2Fin']) {
      expect(allows(but('/admin'), target), target).toBe(true);
    }
    for (const target of ['/v1', '/v1/admins', '/v2/admin/x']) {
      expect(allows(but('/v1/admin/**'), target), target).toBe(true);
    }
  });

  it('is of its methods, or of any', () => {
    const writing = but('/admin', { methods: ['PUT'] });
    expect(allows(writing, '/admin', 'PUT')).toBe(false);
    expect(allows(writing, '/admin', 'GET')).toBe(true);
    expect(allows(but('/admin'), '/admin', 'BREW')).toBe(false);
  });
});

describe('an application', () => {
  const definition = {
    applications: {
      orders: {
        routes: [
          'GET,POST /v1/orders',
          'GET,PUT /v1/orders/{id}',
          { path: '/v1/orders/secret', deny: true },
        ],
      },
    },
    groups: { partners: { routes: [{ application: 'orders', methods: ['GET'] }] } },
  };

  it('brings its routes, those of the methods that are asked for, and all that it denies', () => {
    expect(allows(definition, '/v1/orders')).toBe(true);
    expect(allows(definition, '/v1/orders', 'POST')).toBe(false);
    expect(allows(definition, '/v1/orders/7', 'PUT')).toBe(false);
    expect(allows(definition, '/v1/orders/secret')).toBe(false);
    const wide = [{ application: 'orders', methods: ['GET'] }, '* /**'];
    const everything = { applications: definition.applications, routes: wide };
    expect(allows(everything, '/v1/orders/7', 'PUT')).toBe(true);
    expect(allows(everything, '/v1/orders/secret', 'PUT')).toBe(false);
    const none = { routes: [{ application: 'orders', deny: true }, '* /**'] };
    const { applications } = definition;
    expect(allows({ applications, ...none }, '/v1/orders/7')).toBe(false);
    expect(allows({ applications, ...none }, '/v1/orders/7', 'PATCH')).toBe(true);
    expect(allows({ applications }, '/v1/orders')).toBe(false);
  });
});

// Characters that mean something to a server, and those that do not.
const segment = fc.constantFrom('a', 'b', 'A', 'x.y', '%2F', 'a%2Fb', 'a;b', '%40', '');
const path = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => `/${segments.join('/')}`)
  .filter((text) => !text.includes('//'));
const hole = fc.constantFrom('a', 'b', 'A', 'x.y', '{id}', '{other}', 'a%2Fb', '%40');
const pattern = fc
  .tuple(fc.array(hole, { maxLength: 3 }), fc.constantFrom('', '/', '/**'))
  .map(([segments, end]) => `${segments.map((each) => `/${each}`).join('')}${end}`)
  .filter((text) => text !== '');
const method = fc.constantFrom('GET', 'PUT', 'get');
const route = fc.record({
  path: pattern,
  methods: fc.uniqueArray(method, { minLength: 1 }),
  deny: fc.boolean(),
});
const rules = fc.record({ routes: fc.array(route, { maxLength: 3 }) });
const groups = fc.record({
  one: fc.record({ routes: fc.array(route, { maxLength: 3 }), credentials: credentials() }),
  two: fc.record({ routes: fc.array(route, { maxLength: 3 }), credentials: credentials() }),
});

type Model = { path: string; methods: string[]; deny: boolean };

// By regular expressions and one loop: nothing is shared with the policy but the words of its documentation.
function naive(all: readonly Model[], asked: string, verb: string): boolean {
  const strict = (text: string, subject: string) =>
    new RegExp(
      `^${text
        .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
        .replace(/\{[a-z]+\}/g, '[^/]+')
        .replace(/\\\*\\\*$/, '.*')}$`,
      's',
    ).test(subject);
  const loose = (text: string) =>
    `${decodeURIComponent(text.replace(/;[^/]*/g, ''))}/`.replace(/\/+/g, '/').toLowerCase();
  const looselyMet = (text: string) => {
    const open = text.endsWith('/**');
    const plain = open ? text.slice(0, -2) : text;
    const names = loose(plain.replace(/\{[a-z]+\}/g, '{x}'));
    return strict(open ? `${names}**` : names, loose(asked));
  };
  const mine = all.filter(({ methods }) => methods.includes(verb));
  if (mine.some((each) => each.deny && (strict(each.path, asked) || looselyMet(each.path)))) {
    return false;
  }
  return !/%2F|;/.test(asked) && mine.some((each) => !each.deny && strict(each.path, asked));
}

describe('what is allowed', () => {
  it('is what a naive model allows, no more and no less', () => {
    fc.assert(
      fc.property(
        rules,
        groups,
        fc.record({ acme: rules }),
        path,
        method,
        fc.constantFrom('acme', 'other', 'third'),
        fc.constantFrom('one', 'two', 'three', undefined),
        (everybody, grouped, own, asked, verb, credential, group) => {
          const policy = createPolicy({ ...everybody, groups: grouped, credentials: own });
          const applying = [
            ...everybody.routes,
            ...(['one', 'two'] as const)
              .filter((name) => group === name || grouped[name].credentials.includes(credential))
              .flatMap((name) => grouped[name].routes),
            ...(credential === 'acme' ? own.acme.routes : []),
          ];
          const question = { method: verb, target: asked, credential, group };
          expect(policy.decide(question).allowed).toBe(naive(applying, asked, verb));
          expect(policy.explain(question).allowed).toBe(naive(applying, asked, verb));
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

function credentials() {
  return fc.uniqueArray(fc.constantFrom<string>('acme', 'other'));
}
