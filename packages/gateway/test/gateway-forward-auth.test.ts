import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SignedRequestOptions, signedRequest, withHeader } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '../src/check-config.js';
import { parseConfig } from '../src/config/read-config.js';
import { about, outcome } from './forward-auth-asking.js';
import { gatewayOf } from './gateway-rig.js';

const signed = (options: SignedRequestOptions = {}) =>
  about(signedRequest({ now: () => Date.now(), ...options }));
const from = (address: string, options: SignedRequestOptions = {}) =>
  withHeader(signed(options), 'x-original-address', address);
const endpoint = { forwardAuth: { listen: '127.0.0.1:0' } };

describe('the forward-auth endpoint of a gateway', () => {
  it('decides by the policy, and each decision is written down and counted', async () => {
    const { gateway, port, directory } = await gatewayOf({
      ...endpoint,
      signResponses: true, // by the proxy; the endpoint's answers are not the service's
      policy: { groups: { partners: { routes: ['GET /v1/orders/{id}'] } } },
      admin: { listen: '127.0.0.1:0' },
    });
    const at = port('forwardAuth');
    const url = 'https://api.example.com/v1/orders/7?token=hush';
    const headers = {
      'User-Agent': 'caller',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7-01',
    };
    expect(await outcome(at, signed({ url, headers }))).toBe('200');
    expect(await outcome(at, signed({ url, method: 'DELETE' }))).toBe('403 permission_denied');
    expect(await outcome(at, withHeader(signed(), 'x-original-scheme', 'ws'))).toBe(
      '403 original_malformed',
    );
    const metrics = await (await fetch(`http://127.0.0.1:${port('admin')}/metrics`)).text();
    for (const labels of [
      'verdict="accepted",code="",group="partners"',
      'verdict="refused",code="permission_denied",group=""',
      'verdict="refused",code="original_malformed",group=""',
    ]) {
      expect(metrics).toContain(`countersign_decisions_total{${labels}} 1`);
    }
    expect(metrics).toContain('countersign_stage_seconds_count{stage="nonce"} 1');
    await gateway.close();
    const log = readFileSync(join(directory, 'audit.log'), 'utf8');
    const records = log.split('\n').filter((line) => line.includes('"verdict"'));
    expect(records.map((line) => JSON.parse(line))).toMatchObject([
      {
        verdict: 'accepted',
        credential: 'orders-service',
        group: 'partners',
        rule: 'groups.partners.routes[0]',
        route: '/v1/orders/{id}',
        method: 'GET',
        path: '/v1/orders/7',
        status: 200,
        address: '192.0.2.1',
        userAgent: 'caller',
        traceparent: headers.traceparent,
      },
      { verdict: 'refused', code: 'permission_denied', method: 'DELETE', status: 403 },
      { verdict: 'refused', code: 'original_malformed', status: 403 },
    ]);
    expect(log).not.toMatch(/hush|csk_|Signature|nonce"/i);
  });

  it('keeps the address away that was refused too often, and nobody else', async () => {
    const { port, said } = await gatewayOf({
      ...endpoint,
      penalties: { refusals: 3, seconds: 60, away: 60 },
    });
    const at = port('forwardAuth');
    const url = 'https://elsewhere.example/';
    const outcomes: string[] = [];
    for (let i = 0; i < 4; i++) outcomes.push(await outcome(at, from('192.0.2.7', { url })));
    const refused = '403 host_not_allowed';
    expect(outcomes).toEqual([refused, refused, refused, '403 throttled']);
    expect(await outcome(at, from('192.0.2.7'))).toBe('403 throttled');
    expect(await outcome(at, from('192.0.2.8'))).toBe('200');
    expect(said.join('')).toContain('"value":"192.0.2.7"');
  });

  it('keeps the caller away, not the proxy in front of the one that asks', async () => {
    const { port } = await gatewayOf({
      ...endpoint,
      trustedProxies: ['10.0.0.0/8'],
      penalties: { refusals: 3, seconds: 60, away: 60 },
    });
    const by = (caller: string, url = 'https://api.example.com/v1/orders/7') => {
      const headers = { 'X-Forwarded-For': caller };
      return outcome(port('forwardAuth'), from('10.0.0.1', { url, headers }));
    };
    for (let i = 0; i < 4; i++) await by('192.0.2.7', 'https://elsewhere.example/');
    expect(await by('192.0.2.7')).toBe('403 throttled');
    expect(await by('192.0.2.8')).toBe('200');
  });

  it('takes a new configuration while it is asked', async () => {
    const { gateway, port, write } = await gatewayOf(endpoint);
    const at = port('forwardAuth');
    const post = () => signed({ method: 'POST', body: '{}' });
    expect(await outcome(at, post())).toBe('403 body_not_checked');
    write({ forwardAuth: { ...endpoint.forwardAuth, bodyCheck: 'upstream' } });
    await gateway.reload();
    expect(port('forwardAuth')).toBe(at);
    expect(await outcome(at, post())).toBe('200');
  });

  it('listens at no socket that tells no address', async () => {
    const text =
      'hosts: [a]\nkeys: { environment: true }\nforwardAuth: { listen: "unix:/tmp/a" }\n';
    const key = { COUNTERSIGN_KEY_A: 'a:csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8' };
    await expect(checkConfig(parseConfig(text, 'gateway.yaml'), key)).rejects.toThrow(
      'gateway.yaml:3:16: forwardAuth.listen: a socket of Unix',
    );
  });
});
