import { Secret } from '@countersign/core';
import { type KeyEntry, staticKeys } from '@countersign/server';
import { keyStoreContract, TEST_KEY } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';

const { secret } = TEST_KEY;
const OTHER = `csk_${'A'.repeat(43)}`;
const make = (keys: unknown) => Reflect.apply(staticKeys, undefined, [keys]);

describe('the contract of key stores', () => {
  for (const { name, run } of keyStoreContract({ create: staticKeys })) it(name, run);
});

describe('staticKeys', () => {
  it('takes text, bytes and secrets, and keeps them from later changes', async () => {
    const bytes = Buffer.from(secret.slice(4), 'base64url');
    const entry = {
      credential: 'a',
      secrets: [{ secret }, { secret: bytes }, { secret: Secret.from(secret) }],
    };
    const store = staticKeys([entry]);
    bytes.fill(0);
    entry.secrets.length = 0;
    const record = await store.find('a');
    const mac = Secret.from(secret).sign('HMAC-256', 'text');
    expect(record?.secrets.map((each) => each.secret.verify('HMAC-256', 'text', mac))).toEqual([
      true,
      true,
      true,
    ]);
    expect(Object.isFrozen(record) && Object.isFrozen(record?.secrets)).toBe(true);
  });

  it('has defaults for what is left out', async () => {
    const record = await staticKeys([{ credential: 'a', secrets: [{ secret }] }]).find('a');
    expect(record).toMatchObject({ algorithm: 'HMAC-256', status: 'active' });
    expect([record?.group, record?.secrets[0]?.notBefore, record?.secrets[0]?.notAfter]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('an id may occur again in another key', () => {
    const key = (credential: string): KeyEntry => ({ credential, secrets: [{ id: '1', secret }] });
    expect(staticKeys([key('a'), key('b')]).find('b')).toMatchObject({ secrets: [{ id: '1' }] });
  });
});

const first = { credential: 'a', secrets: [{ id: 'one', secret }] };
const inKey = (more: object) => [first, { credential: 'b', secrets: [{ secret }], ...more }];
const inSecret = (more: object) => [
  {
    credential: 'a',
    secrets: [
      { id: 'one', secret: OTHER },
      { secret, ...more },
    ],
  },
];
const notNames = ['', ' ', 'a b', 'é', 'a/b', 'x'.repeat(129), null, 0, false, {}, ['a']];

const BAD: readonly [at: string, keys: readonly unknown[]][] = [
  ['keys', [undefined, null, false, 0, '', {}, secret]],
  ['keys[0]', [null, undefined, 1, 'a', [], [first]].map((key) => [key])],
  ['keys[0].name', [[{ ...first, name: 'x' }]]],
  [
    'keys[0].__proto__',
    [JSON.parse(`[{"credential":"a","__proto__":{"status":"active"},"secrets":[]}]`)],
  ],
  [
    'keys[1].credential',
    [undefined, ...notNames, secret, 'csk_'].map((credential) => inKey({ credential })),
  ],
  ['keys[1].credential', [inKey({ credential: 'a' })]],
  [
    'keys[1].algorithm',
    [null, '', 'HMAC-1', 'hmac-256', 'sha256', 'md5', 256, false].map((algorithm) =>
      inKey({ algorithm }),
    ),
  ],
  [
    'keys[1].status',
    [null, '', 'Active', 'inactive', true, false, 0].map((status) => inKey({ status })),
  ],
  ['keys[1].group', notNames.map((group) => inKey({ group }))],
  ['keys[1].secrets', [undefined, null, '', secret, {}, []].map((secrets) => inKey({ secrets }))],
  ['keys[1].secrets[0]', [null, undefined, secret, []].map((entry) => inKey({ secrets: [entry] }))],
  ['keys[0].secrets[1].notafter', [inSecret({ notafter: '2026-11-01T00:00:00Z' })]],
  ['keys[0].secrets[1].expires', [inSecret({ expires: '2026-11-01T00:00:00Z' })]],
  ['keys[0].secrets[1].id', notNames.map((id) => inSecret({ id }))],
  ['keys[0].secrets[1].id', [inSecret({ id: 'one' })]],
  ...['notBefore', 'notAfter'].map(
    (bound) =>
      [
        `keys[0].secrets[1].${bound}`,
        [
          null,
          '',
          0,
          false,
          1_793_534_400_000,
          '2026-11-01',
          '2026-02-30T00:00:00Z',
          new Date(),
        ].map((time) => inSecret({ [bound]: time })),
      ] as [string, readonly unknown[]],
  ),
  [
    'keys[0].secrets[1].notAfter',
    ['2026-11-01T00:00:00Z', '2026-10-31T23:59:59.999Z', '2026-11-01T00:59:59+01:00'].map(
      (notAfter) => inSecret({ notBefore: '2026-11-01T00:00:00Z', notAfter }),
    ),
  ],
  [
    'keys[0].secrets[1].secret',
    [
      undefined,
      null,
      '',
      ' ',
      0,
      false,
      {},
      [],
      'password',
      'A'.repeat(43),
      'csk_',
      `CSK_${secret.slice(4)}`,
      ` ${secret}`,
      `${secret}\n`,
      `${secret}=`,
      `${secret.slice(0, -1)}9`,
      `csk_${'+'.repeat(43)}`,
      `csk_${'A'.repeat(44)}=`,
      'csk_AAAA',
      `csk_${'A'.repeat(40)}`,
      new Uint8Array(0),
      new Uint8Array(31),
      new Uint16Array(32),
      new ArrayBuffer(32),
    ].map((value) => inSecret({ secret: value })),
  ],
];

describe('a malformed key is refused, by its path', () => {
  it.each(BAD)('%s', (at, lists) => {
    for (const keys of lists) {
      let message = 'nothing was thrown';
      try {
        make(keys);
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
        ({ message } = error);
      }
      expect(message.slice(0, at.length + 2)).toBe(`${at}: `);
      expect(message).not.toContain(secret.slice(4, 24));
    }
  });
});
