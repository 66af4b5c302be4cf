import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { createSigner } from '@countersign/client';
import { signedRequest, TEST_KEY, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { gatewayOf, writeKeys } from './gateway-rig.js';
import { service, untilTestEnds } from './proxy-rig.js';

const now = () => Date.now();
async function ask(port: number, options = {}) {
  const wire = await Wire.open(port);
  try {
    return await wire.write(signedRequest({ now, ...options })).reply();
  } finally {
    wire.socket.destroy();
  }
}
const proxyOf = (port: number, more = {}) => ({
  listen: '127.0.0.1:0',
  upstream: `http://127.0.0.1:${port}`,
  ...more,
});
const recordsIn = (directory: string) =>
  readFileSync(join(directory, 'audit.log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('a policy', () => {
  it('decides, and the log says by which rule', async () => {
    const behind = await untilTestEnds(service());
    const policy = { groups: { partners: { routes: ['GET /v1/orders/{id}'] } } };
    const { gateway, port, directory } = await gatewayOf({ proxy: proxyOf(behind.port), policy });
    const headers = {
      'User-Agent': 'test',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    const url = 'https://api.example.com/v1/orders/7?token=hush';
    expect((await ask(port('proxy'), { url, headers })).status).toBe(200);
    expect((await ask(port('proxy'), { url, method: 'DELETE' })).status).toBe(403);
    await gateway.close();
    const [accepted, refused] = recordsIn(directory);
    expect(accepted).toMatchObject({
      verdict: 'accepted',
      credential: 'orders-service',
      group: 'partners',
      rule: 'groups.partners.routes[0]',
      method: 'GET',
      path: '/v1/orders/7',
      status: 200,
      address: '127.0.0.1',
      userAgent: 'test',
      traceparent: headers.traceparent,
      bytesOut: 4,
    });
    expect(refused).toMatchObject({
      verdict: 'refused',
      code: 'permission_denied',
      claims: 'orders-service',
      status: 403,
    });
    const log = readFileSync(join(directory, 'audit.log'), 'utf8');
    expect(log).not.toMatch(/hush|csk_|Signature|x-nonce/i);
  });

  it('has HTTPS required, and addresses told by those who are believed', async () => {
    const behind = await untilTestEnds(service());
    const policy = {
      routes: [
        { path: '/secure', methods: ['GET'], https: true },
        { path: '/inside', methods: ['GET'], allowAddresses: ['10.0.0.0/8', 'fd00::/8'] },
      ],
    };
    const outcomes = async (trustedProxies?: string[]) => {
      const { port } = await gatewayOf({ proxy: proxyOf(behind.port), policy, trustedProxies });
      const tell = async (path: string, ...fields: string[]) => {
        const view = signedRequest({ now, url: `https://api.example.com${path}` });
        const wire = await Wire.open(port('proxy'));
        const reply = await wire.write({ ...view, headers: [...view.headers, ...fields] }).reply();
        wire.socket.destroy();
        return reply.status === 200 ? 200 : JSON.parse(reply.body).code;
      };
      return [
        await tell('/secure'),
        await tell('/secure', 'X-Forwarded-Proto', 'https'),
        await tell('/inside', 'X-Forwarded-For', '10.1.2.3'),
        await tell('/inside', 'X-Forwarded-For', 'fd00::1'),
        await tell('/inside', 'X-Forwarded-For', '192.0.2.1, 127.0.0.2'),
      ];
    };
    const [denied, elsewhere] = ['permission_denied', 'address_not_allowed'];
    expect(await outcomes()).toEqual([denied, denied, elsewhere, elsewhere, elsewhere]);
    expect(await outcomes(['127.0.0.0/8'])).toEqual([denied, 200, 200, 200, elsewhere]);
  });

  it('looks into payloads', async () => {
    const behind = await untilTestEnds(service());
    const policy = { routes: ['POST /**'], payload: { maxDepth: 2 } };
    const { port } = await gatewayOf({ proxy: proxyOf(behind.port), policy });
    const send = (body: string, type = 'application/json') =>
      ask(port('proxy'), { method: 'POST', body, headers: { 'Content-Type': type } });
    expect((await send('[[1]]')).status).toBe(200);
    expect((await send('[[[1]]]')).status).toBe(422);
    expect((await send('{"__proto__":{}}')).status).toBe(422);
    expect((await send('<a/>', 'text/html')).status).toBe(415);
    expect(behind.got).toHaveLength(1);
  });

  it('limits how often', async () => {
    const behind = await untilTestEnds(service());
    const rateLimits = { limits: [{ requests: 2, seconds: 60 }] };
    const { port } = await gatewayOf({ proxy: proxyOf(behind.port), rateLimits });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask(port('proxy'))).status);
    expect(statuses).toEqual([200, 200, 429]);
  });
});

describe('reload', () => {
  it('takes a new configuration, and keeps the old one when that is broken', async () => {
    const [a, b] = [
      await untilTestEnds(service((_, r) => r.end('a'))),
      await untilTestEnds(service((_, r) => r.end('b'))),
    ];
    const tried = await gatewayOf({ proxy: proxyOf(a.port) });
    const { gateway, port, write, said } = tried;
    const kept = signedRequest({ now });
    const wire = await Wire.open(port('proxy'));
    expect((await wire.write(kept).reply()).body).toBe('a');
    write({ proxy: proxyOf(b.port), skew: 300 });
    await gateway.reload();
    expect((await ask(port('proxy'))).body).toBe('b');
    write({ proxy: { listen: 'nowhere' } });
    await expect(gateway.reload()).rejects.toThrow('gateway.yaml:1:');
    expect((await ask(port('proxy'))).body).toBe('b');
    expect(said.join('')).toContain('the old one stays');
    // The same connection, and the same nonces unless their store is another one.
    expect((await wire.write(signedRequest({ now })).reply()).body).toBe('b');
    wire.socket.destroy();
  });

  it('forgets no nonce', async () => {
    const behind = await untilTestEnds(service());
    const { gateway, port, write } = await gatewayOf({ proxy: proxyOf(behind.port) });
    const view = signedRequest({ now });
    const send = async () => {
      const wire = await Wire.open(port('proxy'));
      const { status } = await wire.write(view).reply();
      wire.socket.destroy();
      return status;
    };
    expect(await send()).toBe(200);
    write({ proxy: proxyOf(behind.port), presigned: true });
    await gateway.reload();
    expect(await send()).toBe(401);
  });

  it('takes keys as they change', async () => {
    const behind = await untilTestEnds(service());
    const { port, directory } = await gatewayOf({ proxy: proxyOf(behind.port) }, true);
    expect((await ask(port('proxy'))).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // until it has looked at the files first
    writeKeys(directory, { status: 'disabled' });
    await expect.poll(async () => (await ask(port('proxy'))).status, { timeout: 5_000 }).toBe(401);
    writeFileSync(join(directory, 'keys.json'), '{"keys":');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await ask(port('proxy'))).status).toBe(401);
    writeKeys(directory);
    await expect.poll(async () => (await ask(port('proxy'))).status, { timeout: 5_000 }).toBe(200);
  });

  it('under load loses no request', async () => {
    let served = 0;
    const behind = await untilTestEnds(
      service((_, response) => {
        served++;
        response.end('done');
      }),
    );
    const { gateway, port, write } = await gatewayOf({ proxy: proxyOf(behind.port) });
    const signer = createSigner(TEST_KEY);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    let sent = 0;
    let over = false;
    const results = new Map<string, number>();
    const caller = async () => {
      while (!over) {
        sent++;
        const headers = {
          Host: 'api.example.com',
          ...signer.sign({ url: 'https://api.example.com/' }),
        };
        const result = await new Promise<string>((resolve) => {
          get({ port: port('proxy'), host: '127.0.0.1', headers, agent }, (response) => {
            response.resume().on('end', () => resolve(`${response.statusCode}`));
          }).on('error', (error) => resolve(error.message));
        });
        results.set(result, (results.get(result) ?? 0) + 1);
      }
    };
    const calling = Promise.all(Array.from({ length: 8 }, caller));
    for (let i = 0; i < 10 || sent < 200; i++) {
      write({ proxy: proxyOf(behind.port), skew: 300, drain: 2 + (i % 2) });
      await gateway.reload();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    over = true;
    await calling;
    agent.destroy();
    expect([...results]).toEqual([['200', sent]]);
    expect(served).toBe(sent);
  });
});

describe('the end', () => {
  it('waits for what is under way, and takes nothing more', async () => {
    const behind = await untilTestEnds(
      service((_, response) => setTimeout(() => response.end('late'), 300)),
    );
    const { gateway, port } = await gatewayOf({ proxy: proxyOf(behind.port) });
    const at = port('proxy');
    const answer = ask(at);
    await expect.poll(() => behind.got.length).toBe(1);
    const closing = gateway.close();
    await expect(Wire.open(at)).rejects.toThrow();
    expect((await answer).body).toBe('late');
    await closing;
  });
});

describe('admin', () => {
  it('tells numbers and readiness', async () => {
    const behind = await untilTestEnds(service());
    const { port } = await gatewayOf({
      proxy: proxyOf(behind.port),
      admin: { listen: '127.0.0.1:0' },
    });
    await ask(port('proxy'));
    await ask(port('proxy'), { url: 'https://elsewhere.example/' });
    const text = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port('admin')}${path}`);
      return [response.status, await response.text()] as const;
    };
    await expect
      .poll(async () => (await text('/metrics'))[1])
      .toContain(
        'countersign_decisions_total{verdict="refused",code="host_not_allowed",group=""} 1',
      );
    const [, metrics] = await text('/metrics');
    expect(metrics).toContain(
      'countersign_decisions_total{verdict="accepted",code="",group="partners"} 1',
    );
    expect(metrics).toContain('countersign_stage_seconds_count{stage="signature"} 1');
    expect(metrics).toContain('countersign_nonces 1');
    expect(metrics).toContain('countersign_upstream_seconds_count');
    expect(await text('/readyz')).toEqual([200, '{"status":"ok","faults":{}}\n']);
    expect((await text('/healthz'))[0]).toBe(200);
    expect((await text('/nothing'))[0]).toBe(404);
  });

  it('is not ready while a store does not answer', async () => {
    const behind = await untilTestEnds(service());
    const { port } = await gatewayOf({
      proxy: proxyOf(behind.port),
      nonces: { redis: 'redis://127.0.0.1:1' },
      admin: { listen: '127.0.0.1:0' },
    });
    const response = await fetch(`http://127.0.0.1:${port('admin')}/readyz`);
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { faults: { nonces: expect.any(String) } },
    ]);
    expect((await ask(port('proxy'))).status).toBe(503);
  });
});
