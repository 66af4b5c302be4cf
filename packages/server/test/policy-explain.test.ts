import { createPolicy } from '@countersign/server/policy';
import { describe, expect, it } from 'vitest';

const policy = createPolicy({
  https: true,
  applications: {
    orders: {
      routes: ['GET /v1/orders', 'GET,PUT /v1/orders/{id}', { path: '/v1/orders/all', deny: true }],
    },
  },
  groups: {
    partners: {
      routes: [{ application: 'orders' }],
      allowAddresses: ['10.0.0.0/8'],
      requiredHeaders: ['x-tenant'],
    },
  },
  credentials: { acme: { maxBodyBytes: 100 } },
});
const asked = { method: 'GET', target: '/v1/orders/7', credential: 'acme', group: 'partners' };

describe('explain', () => {
  it('says which route allows, what was looked at before, and what it still depends on', () => {
    const explanation = policy.explain({ ...asked, address: '10.1.2.3' });
    expect(explanation).toMatchObject({
      allowed: true,
      code: undefined,
      rule: 'groups.partners.routes[0]',
      groups: ['partners'],
      considered: [
        { via: 'applications.orders.routes[2]', outcome: 'other path' },
        { via: 'applications.orders.routes[0]', outcome: 'other path' },
        { via: 'applications.orders.routes[1]', outcome: 'allows' },
      ],
      settings: [
        { setting: 'allowAddresses', from: 'groups.partners', value: '["10.0.0.0/8"]', met: true },
        { setting: 'https', from: '', value: 'true', met: undefined },
        { setting: 'requiredHeaders', from: 'groups.partners', met: undefined },
        { setting: 'maxBodyBytes', from: 'credentials.acme', value: '100', met: undefined },
      ],
    });
    expect(explanation.text).toBe(
      [
        'Allowed: GET /v1/orders/7 by acme (partners)',
        'groups.partners.routes[0], by applications.orders.routes[1], (/v1/orders/{id}) allows it.',
        '- groups.partners.routes[0] (applications.orders.routes[2]) /v1/orders/all: has another path',
        '- groups.partners.routes[0] (applications.orders.routes[0]) /v1/orders: has another path',
        '- groups.partners.routes[0] (applications.orders.routes[1]) /v1/orders/{id}: allows',
        '- allowAddresses of groups.partners holds: ["10.0.0.0/8"]',
        '- https of the top of the policy must still hold: true',
        '- requiredHeaders of groups.partners must still hold: ["x-tenant"]',
        '- maxBodyBytes of credentials.acme must still hold: 100',
      ].join('\n'),
    );
  });

  it.each([
    [{ address: '192.0.2.1' }, 'address_not_allowed', /allowAddresses of groups\.partners is not/],
    [{ address: 'nowhere' }, 'address_not_allowed', /allowAddresses/],
    [{ secure: false }, 'permission_denied', /https of the top of the policy is not met/],
    [{ signedHeaders: ['date'] }, 'header_unsigned', /requiredHeaders/],
    [{ bodyBytes: 101 }, 'body_too_large', /maxBodyBytes of credentials\.acme/],
    [{ target: '/v1/orders/a;b' }, 'permission_denied', /allowInPath is not met/],
    [{ methodOverrides: ['DELETE'] }, 'permission_denied', /methodOverride is not met/],
    [{ target: '/v1/orders/ALL' }, 'permission_denied', /orders\/all\) denies it/],
    [{ method: 'PATCH' }, 'permission_denied', /No route allows it/],
    [{ group: undefined }, 'permission_denied', /No route allows it/],
    [{ group: 'constructor' }, 'permission_denied', /No route allows it/],
    [{ target: '/v1/../orders' }, 'target_malformed', /"\.\."/],
    [{ target: `/${'a'.repeat(9000)}` }, 'target_too_long', /8192/],
    [{ method: 'G ET' }, 'target_malformed', /token/],
  ])('%j is refused with %s', (more, code, reason) => {
    const explanation = policy.explain({ ...asked, ...more });
    expect(explanation).toMatchObject({ allowed: false, code });
    expect(explanation.reason).toMatch(reason);
    expect(explanation.text).toContain(`Refused with ${code}`);
  });

  it('takes the target as it is sent', () => {
    const sent = { ...asked, target: '/v1/%6frders/%37?b&a' };
    expect(policy.explain(sent)).toMatchObject({ allowed: true });
  });

  it('holds nothing against a request that was not asked about', () => {
    expect(policy.explain(asked).allowed).toBe(true);
    expect(
      policy.explain({ ...asked, signedHeaders: ['x-tenant'], bodyBytes: 100 }).settings,
    ).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ setting: 'requiredHeaders', met: true }),
        expect.objectContaining({ setting: 'maxBodyBytes', met: true }),
      ]),
    );
  });

  it('decides nothing, and agrees with what is decided', () => {
    const full = { ...asked, address: '10.1.2.3', secure: true };
    for (const more of [{}, { secure: false }, { address: '::1' }, { target: '/x' }]) {
      const caller = {};
      const explanation = policy.explain({ ...full, ...more });
      expect(policy.ruleOf(caller)).toBeUndefined();
      expect(policy.decide({ ...full, ...more }, caller).allowed).toBe(explanation.allowed);
    }
  });
});
