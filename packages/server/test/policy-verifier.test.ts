import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore } from '@countersign/server';
import { createPolicy, type Policy, type PolicyDefinition } from '@countersign/server/policy';
import { signedRequest, TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { everything, keys, outcome } from './policy-rig.js';
import { type RigOptions, startRig } from './wire.js';

const ORDERS: PolicyDefinition = { groups: { partners: { routes: ['GET,POST /v1/orders'] } } };
const start = (definition: PolicyDefinition, more: RigOptions = {}) =>
  startRig({ keys, policy: createPolicy(definition), ...more });

describe('a policy', () => {
  it('decides on verified callers, by method and canonical path', async () => {
    const rig = await start(ORDERS);
    expect(await outcome(rig)).toBe(200);
    expect(await outcome(rig, { method: 'POST', body: '{}' })).toBe(200);
    expect(await outcome(rig, { url: '/v1/%6frders?x=1' })).toBe(200);
    for (const refused of [
      ...[{ method: 'PUT' }, { method: 'DELETE' }, { url: '/v1/orders/' }, { url: '/v1/Orders' }],
      ...[{ url: '/' }, { url: '/v1/orders%2F' }, { credential: 'other' }],
    ]) {
      expect(await outcome(rig, refused), JSON.stringify(refused)).toBe('permission_denied');
    }
  });

  it('tells nothing to those who are not verified', async () => {
    const rig = await start({ ...ORDERS, allowAddresses: ['192.0.2.1'], https: true });
    const forged = (url: string) =>
      rig.view({ url, secret: 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4' });
    const [one, other] = [await rig.send(forged('/v1/orders')), await rig.send(forged('/x'))];
    expect(JSON.parse(one.body).code).toBe('credential_rejected');
    expect(one.body).toBe(other.body);
    expect(await outcome(rig, { credential: 'nobody' })).toBe('credential_rejected');
  });

  it('and authorize must both allow', async () => {
    const authorize = (_: unknown, { method }: { method: string }) =>
      method === 'GET' ? ('allowed' as const) : ('address_not_allowed' as const);
    const rig = await start(ORDERS, { authorize });
    expect(await outcome(rig)).toBe(200);
    expect(await outcome(rig, { method: 'POST', body: '' })).toBe('address_not_allowed');
    expect(await outcome(rig, { url: '/' })).toBe('permission_denied');
  });

  it('of a route stands in place of that of the verifier', async () => {
    const verifier = createVerifier({
      ...{ keys, nonces: memoryNonceStore({ start: 'fresh' }), hosts: ['api.example.com'] },
      policy: createPolicy(ORDERS),
    });
    const route = verifier.route({ policy: createPolicy({ routes: ['GET /v2'] }) });
    const verdict = async (which: typeof verifier, path: string) =>
      (await which.verify(signedRequest({ url: `https://api.example.com${path}` }))).verdict;
    expect(await verdict(verifier, '/v1/orders')).toBe('accepted');
    expect(await verdict(verifier, '/v2')).toBe('refused');
    expect(await verdict(route, '/v1/orders')).toBe('refused');
    expect(await verdict(route, '/v2')).toBe('accepted');
    expect(await verdict(verifier.route({ maxBodyBytes: 7 }), '/v2')).toBe('refused');
  });

  it('that fails, or answers anything else, refuses', async () => {
    const uses = createPolicy({}).uses;
    const failing = [
      () => {
        throw new Error('broken');
      },
      ...[
        undefined,
        null,
        true,
        'allowed',
        {},
        { allowed: 1, requiredHeaders: [] },
        { allowed: true },
        [],
      ].map((answer) => () => answer),
      async () => ({ allowed: true, requiredHeaders: [] }),
      () => ({ allowed: false, code: 'nonce_replayed', detail: '' }),
    ];
    for (const decide of failing) {
      const rig = await startRig({ keys, policy: { decide, uses } as unknown as Policy });
      expect(await outcome(rig)).toBe('permission_denied');
    }
  });

  it('gives the rule of an accepted request', async () => {
    const policy = createPolicy(ORDERS);
    const rig = await startRig({ keys, policy });
    await outcome(rig);
    const [caller] = rig.accepted;
    expect(policy.ruleOf(caller?.identity as object)?.rule).toBe('groups.partners.routes[0]');
  });

  it('applies to presigned URLs, and not to requests without any credentials', async () => {
    const verifier = createVerifier({
      ...{ keys, nonces: memoryNonceStore({ start: 'fresh' }), hosts: ['api.example.com'] },
      policy: createPolicy(ORDERS),
    }).route({ optional: true, presigned: true });
    const presigned = async (path: string) => {
      const signer = createSigner(TEST_KEY);
      const url = new URL(signer.presign(`https://api.example.com${path}`, { expiresIn: 60 }));
      const headers = ['Host', url.host];
      const view = { method: 'GET', target: url.pathname + url.search, headers };
      return (await verifier.verify(view)).verdict;
    };
    expect(await presigned('/v1/orders')).toBe('accepted');
    expect(await presigned('/x')).toBe('refused');
    const headers = ['Host', 'api.example.com'];
    const anonymous = await verifier.verify({ method: 'GET', target: '/x', headers });
    expect(anonymous.verdict).toBe('anonymous');
  });
});

describe('required headers', () => {
  it('must be there and signed', async () => {
    const rig = await startRig(everything({ requiredHeaders: ['X-Tenant'] }));
    const headers = { 'X-Tenant': 'a' };
    expect(await outcome(rig)).toBe('header_missing');
    expect(await outcome(rig, { headers })).toBe('header_unsigned');
    expect(await outcome(rig, { headers, signedHeaders: ['x-tenant'] })).toBe(200);
  });
});

describe('a method-override field', () => {
  it('cannot get round the rules on methods', async () => {
    const rig = await start(ORDERS);
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      expect(await outcome(rig, { headers: { [name]: 'DELETE' } })).toBe('permission_denied');
      expect(await outcome(rig, { headers: { [name]: 'GET' } })).toBe(200);
    }
  });
});

describe('signed responses', () => {
  it('are sent where they are asked for, for refusals of the policy too', async () => {
    const policy = createPolicy({ ...ORDERS, signedResponses: true });
    const rig = await startRig({ keys, policy, signResponses: true });
    for (const url of ['/v1/orders', '/x']) {
      const reply = await rig.send(rig.view({ url }));
      expect(reply.headers.get('authentication-info'), url).toMatch(/^SignedHeaders=/);
    }
  });
});
