import { environmentKeys } from '@countersign/server/keys/environment';
import { keyStoreContract } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { bytesOf, secretOf, writtenEntry } from './keys-rig.js';

describe('the contract of key stores', () => {
  const contract = keyStoreContract({
    create: (keys) =>
      environmentKeys(
        Object.fromEntries(
          keys.map((key, i) => [`COUNTERSIGN_KEY_${i}`, JSON.stringify(writtenEntry(key))]),
        ),
      ),
  });
  for (const { name, run } of contract) it(name, run);
});

describe('environmentKeys', () => {
  it('takes one secret, several, or JSON, and no other variables', () => {
    const store = environmentKeys({
      COUNTERSIGN_KEY_ORDERS: `orders-service:${secretOf(1)}`,
      COUNTERSIGN_KEY_2: ` billing.eu : ${secretOf(2)} , ${secretOf(3)}\n`,
      COUNTERSIGN_KEY_json: JSON.stringify({
        ...{ credential: 'reports', status: 'disabled' },
        secrets: [{ secret: secretOf(4) }],
      }),
      COUNTERSIGN_KEY_OFF: undefined,
      COUNTERSIGN_KEYS: 'a:b',
      countersign_key_x: 'a:b',
      COUNTERSIGN_SECRET: secretOf(5),
      PATH: '/bin',
    });
    expect(bytesOf(store, 'orders-service')).toEqual([1]);
    expect(bytesOf(store, 'billing.eu')).toEqual([2, 3]);
    expect(store.find('reports')).toMatchObject({ status: 'disabled' });
    for (const name of ['ORDERS', 'a', 'PATH', '']) expect(store.find(name)).toBeUndefined();
    store.health();
  });

  it('takes another prefix', () => {
    const env = { CALLER_A: `a:${secretOf(1)}`, COUNTERSIGN_KEY_A: `b:${secretOf(2)}` };
    const store = environmentKeys(env, { prefix: 'CALLER_' });
    expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([[1], undefined]);
  });

  it('reads what it is given once, and nothing else', () => {
    const env: Record<string, string> = { COUNTERSIGN_KEY_A: `a:${secretOf(1)}` };
    process.env.COUNTERSIGN_KEY_B = `b:${secretOf(2)}`;
    try {
      const store = environmentKeys(env);
      env.COUNTERSIGN_KEY_A = `a:${secretOf(3)}`;
      expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([[1], undefined]);
      expect(bytesOf(environmentKeys(process.env), 'b')).toEqual([2]);
    } finally {
      delete process.env.COUNTERSIGN_KEY_B;
    }
  });

  it('does not inherit', () => {
    const env = Object.create({ COUNTERSIGN_KEY_A: `a:${secretOf(1)}` });
    expect(environmentKeys(env).find('a')).toBeUndefined();
  });

  it('is not well without keys', () => {
    expect(() => environmentKeys({}).health()).toThrow('no variable begins with COUNTERSIGN_KEY_');
  });

  const key = secretOf(7);
  it.each([
    ['', 'A: expected "credential:csk_…" or a key as JSON'],
    [key, 'A: expected "credential:csk_…" or a key as JSON'],
    [`${key}:a`, 'A: credential: '],
    [`:${key}`, 'A: credential: '],
    [`a b:${key}`, 'A: credential: '],
    ['a:', 'A: secrets: '],
    ['a:password', 'A: secrets[0].secret: '],
    [`a:${key},${key.slice(4)}`, 'A: secrets[1].secret: '],
    [`a:${key.slice(0, 20)}`, 'A: secrets[0].secret: '],
    [`a:env:${key}`, 'A: secrets[0].secret: '],
    [`{"credential":"a","secrets":${key}}`, 'A: not valid JSON'],
    [`{"secrets":[{"secret":"${key}"}]}`, 'A: credential: '],
    [`{"${key}":1}`, 'A: [secret]: unknown member'],
  ])('%s is refused by the name of its variable', (value, message) => {
    const read = () => environmentKeys({ COUNTERSIGN_KEY_A: value });
    expect(read).toThrow(`COUNTERSIGN_KEY_${message}`);
    expect(read).not.toThrow(key.slice(4, 16));
  });

  it('refuses a credential of two variables, and a variable without a name', () => {
    const value = `a:${key}`;
    expect(() => environmentKeys({ COUNTERSIGN_KEY_A: value, COUNTERSIGN_KEY_B: value })).toThrow(
      'COUNTERSIGN_KEY_B: "a" is the credential of COUNTERSIGN_KEY_A already',
    );
    expect(() => environmentKeys({ COUNTERSIGN_KEY_: value })).toThrow(/^COUNTERSIGN_KEY_: /);
  });

  it.each([
    [{ prefix: '' }, /^prefix: /],
    [{ prefix: 'A-' }, /^prefix: /],
    [{ prefix: null }, /^prefix: /],
    [{ Prefix: 'A' }, /^Prefix: /],
    [null, /^options: /],
  ])('option %o', (options, message) => {
    expect(() => environmentKeys({}, options as never)).toThrow(message);
  });

  it('an environment that is none', () => {
    expect(() => environmentKeys(undefined as never)).toThrow(/^env: /);
  });
});
