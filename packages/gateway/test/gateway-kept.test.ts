import { join } from 'node:path';
import { type SignedRequestView, signedRequest, Wire } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { folder, gatewayOf } from './gateway-rig.js';
import { service, untilTestEnds } from './proxy-rig.js';

/** A request by a clock that is so many seconds ahead. */
const dated = (ahead = 0) => signedRequest({ now: () => Date.now() + ahead * 1000 });

async function tried(config: object) {
  const behind = await untilTestEnds(service());
  const proxy = { listen: '127.0.0.1:0', upstream: `http://127.0.0.1:${behind.port}` };
  const { gateway, port, write, said } = await gatewayOf({ proxy, ...config });
  return {
    said,
    async ask(view: SignedRequestView) {
      const wire = await Wire.open(port('proxy'));
      const { status, body } = await wire.write(view).reply();
      wire.socket.destroy();
      return status === 200 ? 200 : (JSON.parse(body).code as string);
    },
    reload(more: object) {
      write({ proxy, ...more });
      return gateway.reload();
    },
  };
}

describe('nonces are known after a reload', () => {
  it.each([
    ['another skew', { skew: 301 }],
    ['a smaller skew', { skew: 200 }],
    ['another capacity', { nonces: { memory: { capacity: 7, start: 'fresh' } } }],
    ['another start', { nonces: { memory: {} } }],
    ['no word of them', { nonces: undefined }],
  ])('with %s', async (_, more) => {
    const { ask, reload } = await tried({});
    const [early, late] = [dated(100), dated()];
    expect([await ask(early), await ask(late)]).toEqual([200, 200]);
    await reload(more);
    expect([await ask(early), await ask(late)]).toEqual(['nonce_replayed', 'nonce_replayed']);
    expect(await ask(dated())).toBe(200);
    await reload({});
    expect(await ask(early)).toBe('nonce_replayed');
  });

  it('though they were forgotten before the skew grew', async () => {
    const { ask, reload } = await tried({ skew: 1 });
    const [now, old] = [dated(), dated(1)];
    expect([await ask(now), await ask(old)]).toEqual([200, 200]);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await reload({ skew: 60 });
    expect(await ask(now)).toBe('nonce_store_unavailable');
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await ask(old)).toBe('nonce_store_unavailable');
    const fresh = dated();
    expect(await ask(fresh)).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await ask(fresh)).toBe('nonce_replayed');
  }, 20_000);

  it('and take the room that there is now', async () => {
    const { ask, reload } = await tried({});
    expect([await ask(dated()), await ask(dated())]).toEqual([200, 200]);
    await reload({ nonces: { memory: { capacity: 2 } } });
    expect(await ask(dated())).toBe('nonce_store_full');
    await reload({ nonces: { memory: { capacity: 100 } } });
    expect(await ask(dated())).toBe(200);
  });

  it('which is not taken if they were to be elsewhere', async () => {
    const { ask, reload } = await tried({});
    const view = dated();
    expect(await ask(view)).toBe(200);
    await expect(reload({ nonces: { sqlite: join(folder(), 'nonces.db') } })).rejects.toThrow(
      /gateway\.yaml:1:\d+: nonces: cannot change while the gateway runs/,
    );
    expect(await ask(view)).toBe('nonce_replayed');
  });
});

describe('limits go on counting after a reload', () => {
  const limits = [{ requests: 2, seconds: 600 }];

  it('that leaves them as they are', async () => {
    const { ask, reload } = await tried({ rateLimits: { limits } });
    expect([await ask(dated()), await ask(dated())]).toEqual([200, 200]);
    await reload({ rateLimits: { limits: [...limits, { requests: 9, seconds: 1 }] }, skew: 200 });
    expect(await ask(dated())).toBe('rate_limited');
    await reload({ rateLimits: { limits: [{ requests: 3, seconds: 600 }] } });
    expect(await ask(dated())).toBe(200);
  });

  it('those of a policy too', async () => {
    const policy = { routes: ['GET /**'], rateLimits: limits };
    const { ask, reload } = await tried({ policy });
    expect([await ask(dated()), await ask(dated())]).toEqual([200, 200]);
    await reload({ policy: { ...policy, routes: ['GET /**', 'POST /v1'] } });
    expect(await ask(dated())).toBe('rate_limited');
  });
});
