import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { createPolicy, type PolicyDefinition } from '@countersign/server/policy';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

const route = (more: object) => ({ routes: [{ path: '/a', methods: ['GET'], ...more }] });
const group = (more: object) => ({ groups: { partners: more } });

// What is wrong, and how the message begins.
const WRONG: readonly (readonly [definition: unknown, message: string])[] = [
  [null, 'definition: '],
  [[], 'definition: '],
  ['GET /', 'definition: '],
  [{ rotues: [] }, 'rotues: unknown member'],
  [{ routes: null }, 'routes: '],
  [{ routes: {} }, 'routes: '],
  [{ routes: [null] }, 'routes[0]: '],
  [{ routes: ['GET /a', 7] }, 'routes[1]: '],
  [{ routes: ['/a'] }, 'routes[0]: '],
  [{ routes: ['GET  /a'] }, 'routes[0]: '],
  [{ routes: ['GET /a HTTP/1.1'] }, 'routes[0]: '],
  [{ routes: ['GET, PUT /a'] }, 'routes[0]: '],
  [{ routes: ['GET,,PUT /a'] }, 'routes[0][1]: '],
  [{ routes: ['GET,GET /a'] }, 'routes[0][1]: occurs twice'],
  [{ routes: ['GET,* /a'] }, 'routes[0]: "*"'],
  [{ routes: ['GET a'] }, 'routes[0]: '],
  [{ routes: ['GET /a//b'] }, 'routes[0]: '],
  [{ routes: ['GET /a/../b'] }, 'routes[0]: '],
  [{ routes: ['GET /a?b=1'] }, 'routes[0]: '],
  [{ routes: ['GET /%61'] }, 'routes[0]: '],
  [{ routes: ['GET /caf%c3%a9'] }, 'routes[0]: '],
  [{ routes: ['GET /café'] }, 'routes[0]: '],
  [{ routes: ['GET /*'] }, 'routes[0]: '],
  [{ routes: ['GET /**/a'] }, 'routes[0]: '],
  [{ routes: ['GET /a**'] }, 'routes[0]: '],
  [{ routes: ['GET /{}'] }, 'routes[0]: '],
  [{ routes: ['GET /{a}.json'] }, 'routes[0]: '],
  [{ routes: ['GET /{a}{b}'] }, 'routes[0]: '],
  [{ routes: ['GET /{a/b}'] }, 'routes[0]: '],
  [route({ path: undefined }), 'routes[0].path: '],
  [route({ path: null }), 'routes[0].path: '],
  [route({ methods: undefined }), 'routes[0].methods: '],
  [route({ methods: null }), 'routes[0].methods: '],
  [route({ methods: [] }), 'routes[0].methods: '],
  [route({ methods: 'GET' }), 'routes[0].methods: '],
  [route({ methods: ['GET', 'GET '] }), 'routes[0].methods[1]: '],
  [route({ deny: 1 }), 'routes[0].deny: '],
  [route({ deny: true, skew: 5 }), 'routes[0].skew: '],
  [route({ application: 'orders' }), 'routes[0].path: unknown member'],
  [route({ method: ['GET'] }), 'routes[0].method: unknown member'],
  [{ routes: [{ application: 'orders' }] }, 'routes[0].application: '],
  [{ routes: [{ application: '__proto__' }] }, 'routes[0].application: '],
  [{ applications: { orders: { routes: [] } } }, 'applications.orders.routes: '],
  [{ applications: { orders: {} } }, 'applications.orders.routes: '],
  [
    { applications: { a: { routes: [{ application: 'a' }] } } },
    'applications.a.routes[0].application: ',
  ],
  [
    {
      applications: { a: { routes: ['GET /a'] } },
      routes: [{ application: 'a', methods: ['PUT'] }],
    },
    'routes[0].methods: ',
  ],
  [{ applications: { 'a b': { routes: ['GET /a'] } } }, 'applications.a b: '],
  [{ groups: [] }, 'groups: '],
  [{ groups: { é: {} } }, 'groups.é: '],
  [{ groups: { partners: null } }, 'groups.partners: '],
  [group({ colour: 'red' }), 'groups.partners.colour: unknown member'],
  [group({ credentials: ['a', 'a'] }), 'groups.partners.credentials[1]: occurs twice'],
  [group({ credentials: ['a b'] }), 'groups.partners.credentials[0]: '],
  [group({ credentials: {} }), 'groups.partners.credentials: '],
  [group(route({ methods: [7] })), 'groups.partners.routes[0].methods[0]: '],
  [{ credentials: { acme: { credentials: ['b'] } } }, 'credentials.acme.credentials: unknown'],
  [{ credentials: { acme: { groups: {} } } }, 'credentials.acme.groups: unknown'],
  [{ allowAddresses: [] }, 'allowAddresses: '],
  [{ allowAddresses: '10.0.0.0/8' }, 'allowAddresses: '],
  [{ allowAddresses: ['10.0.0.0/33'] }, 'allowAddresses[0]: '],
  [{ allowAddresses: ['10.0.0'] }, 'allowAddresses[0]: '],
  [{ allowAddresses: ['10.0.0.0/8', '::1/129'] }, 'allowAddresses[1]: '],
  [{ denyAddresses: ['example.com'] }, 'denyAddresses[0]: '],
  [{ denyAddresses: ['fe80::1%eth0'] }, 'denyAddresses[0]: '],
  [{ https: 'true' }, 'https: '],
  [{ https: null }, 'https: '],
  [{ requiredHeaders: ['Authorization'] }, 'requiredHeaders[0]: '],
  [{ requiredHeaders: ['x-a', 'X-A'] }, 'requiredHeaders[1]: occurs twice'],
  [{ skew: 0 }, 'skew: '],
  [{ skew: 3601 }, 'skew: '],
  [{ skew: '60' }, 'skew: '],
  [{ maxBodyBytes: -1 }, 'maxBodyBytes: '],
  [{ maxBodyBytes: 1.5 }, 'maxBodyBytes: '],
  [{ maxBodyBytes: Number.NaN }, 'maxBodyBytes: '],
  [{ allowInPath: ['%2f'] }, 'allowInPath[0]: '],
  [{ allowInPath: ['/'] }, 'allowInPath[0]: '],
  [{ rateLimits: {} }, 'rateLimits: '],
  [{ rateLimits: [{ requests: 0, seconds: 1 }] }, 'rateLimits[0].requests: '],
  [{ rateLimits: [{ requests: 1 }] }, 'rateLimits[0].seconds: '],
  [{ rateLimits: [{ requests: 1, seconds: 2_147_484 }] }, 'rateLimits[0].seconds: '],
  [{ rateLimits: [{ requests: 1, seconds: 1, per: 'address' }] }, 'rateLimits[0].per: '],
  [{ rateLimits: [{ requests: 1, seconds: 1, burst: 2 }] }, 'rateLimits[0].burst: unknown'],
  [{ signedResponses: 0 }, 'signedResponses: '],
  [{ payload: true }, 'payload: '],
  [{ payload: { contentTypes: ['json'] } }, 'payload.contentTypes[0]: '],
  [{ payload: { maxDepth: -1 } }, 'payload.maxDepth: '],
  [{ payload: { depth: 1 } }, 'payload.depth: unknown member'],
  [{ payload: {} }, 'payload: needs somebody who checks bodies'],
];

describe('createPolicy', () => {
  it.each(WRONG)('%j is refused: %s', (definition, message) => {
    const create = () => createPolicy(definition as PolicyDefinition);
    expect(create).toThrow(/^[\s\S]/);
    expect(() => create()).toThrowError(
      expect.objectContaining({ message: expect.stringMatching(startOf(message)) }),
    );
    expect(thrown(create)).toMatch(/^(?:Type|Range)Error$/);
  });

  it('takes members named like those of every object for what they are', () => {
    const definition = JSON.parse('{"groups":{"__proto__":{"routes":["GET /a"]}}}');
    const policy = createPolicy(definition);
    const asked = { method: 'GET', target: '/a', credential: 'x' };
    expect(policy.decide({ ...asked, group: '__proto__' }).allowed).toBe(true);
    for (const group of ['constructor', 'toString', undefined]) {
      expect(policy.decide({ ...asked, group }).allowed, group).toBe(false);
    }
    expect(policy.decide({ ...asked, credential: '__proto__' }).allowed).toBe(false);
  });

  it('names an option that it does not know, and one of another kind', () => {
    const options = (given: object) => () => createPolicy({}, given);
    expect(options({ checkPayload: true })).toThrow(/^checkPayload: unknown option/);
    expect(options({ checksPayload: 'yes' })).toThrow(/^checksPayload: /);
    expect(options({ checksPayload: null })).toThrow(/^checksPayload: /);
  });

  it('does not change with the object it was made of', () => {
    const methods = ['GET'];
    const policy = createPolicy({ routes: [{ path: '/a', methods }] });
    methods.push('PUT');
    const asked = { method: 'PUT', target: '/a', credential: 'x' };
    expect(policy.decide(asked).allowed).toBe(false);
  });
});

describe('a verifier', () => {
  const make = (options: object) => () =>
    createVerifier({
      keys: staticKeys([TEST_KEY_ENTRY]),
      nonces: memoryNonceStore(),
      hosts: ['api.example.com'],
      ...options,
    });
  const limited = createPolicy({ rateLimits: [{ requests: 1, seconds: 1 }] });
  const signing = createPolicy({
    applications: { a: { routes: [{ path: '/a', methods: ['GET'], signedResponses: true }] } },
    groups: { partners: { routes: [{ application: 'a' }] } },
  });

  it('refuses what is no policy', () => {
    for (const policy of [null, {}, { routes: [] }, true, () => true, { decide: true }]) {
      expect(make({ policy }), String(policy)).toThrow(/^policy: expected/);
    }
    expect(() => make({})().route({ policy: null as never })).toThrow(/^policy: expected/);
  });

  it('refuses a policy with settings that nobody would see to', () => {
    expect(make({ policy: limited })).toThrow(/^policy: rateLimits\[0\] needs limitRate/);
    expect(make({ policy: limited, limitRate: () => 'allowed' })).not.toThrow();
    expect(make({ policy: signing })).toThrow(
      /^policy: applications\.a\.routes\[0\]\.signedResponses needs signResponses/,
    );
    expect(make({ policy: signing, signResponses: true })).not.toThrow();
    expect(() => make({})().route({ policy: signing })).toThrow(/needs signResponses/);
    const never = createPolicy({ rateLimits: [], signedResponses: false, payload: false });
    expect(make({ policy: never })).not.toThrow();
  });
});

function startOf(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
}

function thrown(create: () => unknown): string {
  try {
    create();
    return 'nothing';
  } catch (error) {
    return (error as Error).constructor.name;
  }
}
