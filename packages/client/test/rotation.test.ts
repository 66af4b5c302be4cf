import { createSigner, type SecretValue, signedFetch } from '@countersign/client';
import { TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { startEcho } from './servers.js';

const OLD = `csk_${'A'.repeat(43)}`;

/** A signer whose secrets come in this order, the last for ever; and how often it asked. */
function rotating(...secrets: readonly SecretValue[]) {
  let asked = 0;
  const secret = async () => secrets[Math.min(asked++, secrets.length - 1)] as SecretValue;
  return { signer: createSigner({ ...TEST_KEY, secret }), asked: () => asked };
}

describe('a secret that is given by a function', () => {
  it('is loaded by ready, once, and asked for before', async () => {
    const { signer, asked } = rotating(TEST_KEY.secret);
    expect(() => signer.sign({ url: 'https://api.example.com/' })).toThrow(
      'secret: not loaded yet; await signer.ready() before the first request',
    );
    await Promise.all([signer.ready(), signer.ready(), signer.ready()]);
    await signer.ready();
    expect(asked()).toBe(1);
    const now = Date.UTC(2020, 0, 1);
    const fixed = { ...TEST_KEY, now: () => now, nonce: () => 'A'.repeat(22) };
    const given = createSigner({ ...fixed, secret: () => TEST_KEY.secret });
    await given.ready();
    expect(given.sign({ url: 'https://a.example/' })).toEqual(
      createSigner(fixed).sign({ url: 'https://a.example/' }),
    );
  });

  it('is told to have changed only when it has', async () => {
    const { signer } = rotating(OLD, OLD, TEST_KEY.secret, TEST_KEY.secret);
    expect(await signer.reload()).toBe(true);
    expect(await signer.reload()).toBe(false);
    expect(await signer.reload()).toBe(true);
    expect(await signer.reload()).toBe(false);
    expect(await createSigner(TEST_KEY).reload()).toBe(false);
  });

  it('is asked for again by who was refused with the present one, and nobody else', async () => {
    const { signer, asked } = rotating(OLD, TEST_KEY.secret);
    await signer.ready();
    const used = () => signer.attempt({ url: 'https://a.example/' }).request.secret;
    const old = used();
    const both = [signer.reload(old), signer.reload(old)];
    expect(await Promise.all(both)).toEqual([true, true]);
    expect([await signer.reload(old), asked()]).toEqual([true, 2]);
    expect([await signer.reload(used()), asked()]).toEqual([false, 3]);
  });

  it('that fails to load rejects, keeps the one before, and may load later', async () => {
    const secrets: (() => string)[] = [
      () => {
        throw new Error('vault: sealed');
      },
      () => TEST_KEY.secret,
      () => 'short',
    ];
    const signer = createSigner({ ...TEST_KEY, secret: () => (secrets.shift() as () => string)() });
    await expect(signer.ready()).rejects.toThrow('vault: sealed');
    await signer.ready();
    await expect(signer.reload()).rejects.toThrow(/^secret: expected "csk_"/);
    expect(signer.sign({ url: 'https://a.example/' })).toHaveProperty('Authorization');
  });

  it('is loaded before the first request', async () => {
    const { origin, seen } = await startEcho();
    const { signer, asked } = rotating(TEST_KEY.secret);
    const call = signedFetch(signer, { origins: [origin] });
    expect((await call(origin)).status).toBe(200);
    expect((await call(origin)).status).toBe(200);
    expect([asked(), seen.length]).toEqual([1, 2]);
  });

  it('is loaded again where it is refused, once, and the request made anew', async () => {
    const { origin, seen } = await startEcho();
    const { signer, asked } = rotating(OLD, TEST_KEY.secret);
    const call = signedFetch(signer, { origins: [origin] });
    const response = await call(origin, { method: 'POST', body: '{"a":1}' });
    expect([response.status, asked(), seen.length]).toEqual([200, 2, 2]);
    expect(seen[0]?.nonce).not.toBe(seen[1]?.nonce);
    expect(((await response.json()) as { body: string }).body).toBe(btoa('{"a":1}'));
  });

  it('that another request has loaded meanwhile is used, and asked for no second time', async () => {
    const { origin, seen } = await startEcho();
    const { signer, asked } = rotating(OLD, TEST_KEY.secret);
    const origins = [origin];
    const first = signedFetch(signer, { origins });
    let release = () => {};
    const done = new Promise<void>((resolve) => {
      release = resolve;
    });
    const second = signedFetch(signer, {
      origins,
      fetch: async (url: string, init: RequestInit) => {
        const response = await fetch(url, init);
        await done;
        return response;
      },
    });
    await signer.ready();
    const late = second(origin);
    await expect.poll(() => seen.length).toBe(1);
    expect((await first(origin)).status).toBe(200);
    release();
    expect((await late).status).toBe(200);
    expect([asked(), seen.length]).toEqual([2, 4]);
  });

  it('that is the same as before leaves the refusal as it is', async () => {
    const { origin, seen } = await startEcho();
    const { signer, asked } = rotating(OLD);
    const response = await signedFetch(signer, { origins: [origin] })(origin);
    expect([response.status, asked(), seen.length]).toEqual([401, 2, 1]);
    expect(await response.json()).toMatchObject({ code: 'credential_rejected' });
  });

  it('and is another wrong one, is asked for no third time', async () => {
    const { origin, seen } = await startEcho();
    const { signer, asked } = rotating(OLD, `csk_${'B'.repeat(42)}A`, TEST_KEY.secret);
    const response = await signedFetch(signer, { origins: [origin] })(origin);
    expect([response.status, asked(), seen.length]).toEqual([401, 2, 2]);
  });
});
