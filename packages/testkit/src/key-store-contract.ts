import { inspect } from 'node:util';
import type { KeyEntry, KeyStore } from '@countersign/server';
import { type ContractCheck, expectOneOf, expectThat } from './contract-check.js';
import { expectSecrets, expectUnknown, keyOf, known, secretOf } from './key-store/expectations.js';

/** How to get at the key stores that are checked. */
export interface KeyStoreContractOptions {
  /** Makes a store that holds exactly these keys. */
  create(keys: readonly KeyEntry[]): KeyStore | Promise<KeyStore>;
  /** For stores that can change: makes the store hold exactly these keys from now on. */
  replace?(store: KeyStore, keys: readonly KeyEntry[]): void | Promise<void>;
  /** Breaks what stands behind the store, to see that an error never reads as "no such key". */
  breakBackend?(store: KeyStore): void | Promise<void>;
  /** Called once for every store that was made, when its check is over. */
  close?(store: KeyStore): void | Promise<void>;
}

const INHERITED = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];
const YEAR_START = '2026-01-01T00:00:00Z';
const YEAR_END = '2027-01-01T00:00:00Z';

/**
 * Everything a key store must do, as named checks for any test runner.
 *
 * @returns checks whose `run` rejects with what is wrong
 * @throws TypeError if `create` is not a function
 * @example for (const { name, run } of keyStoreContract({ create: (keys) => myStore(keys) })) it(name, run);
 */
export function keyStoreContract(options: KeyStoreContractOptions): readonly ContractCheck[] {
  if (typeof options?.create !== 'function') throw new TypeError('create: expected a function');
  const { replace, breakBackend } = options;
  const check = (
    name: string,
    keys: readonly KeyEntry[],
    body: (store: KeyStore) => Promise<void>,
  ): ContractCheck => ({
    name,
    run: async () => {
      const store = await options.create(keys);
      try {
        await body(store);
      } finally {
        await options.close?.(store);
      }
    },
  });

  return [
    check(
      'a known credential is found with its secret',
      [keyOf('a', 1), keyOf('b', 2)],
      async (store) => {
        for (const [credential, byte] of [
          ['a', 1],
          ['b', 2],
          ['a', 1],
        ] as const) {
          expectSecrets(await known(store, credential), 'HMAC-256', [byte]);
        }
      },
    ),
    check('an unknown credential is undefined', [keyOf('orders-service')], async (store) => {
      // `_` and `%` are wildcards of SQL, `.` of regular expressions.
      for (const name of [
        'orders',
        'orders-service2',
        'orders_service',
        'orders.service',
        '.',
        '_',
      ]) {
        await expectUnknown(store, name);
      }
    }),
    check('a store without keys knows nobody', [], async (store) => {
      for (const name of ['orders-service', ...INHERITED]) await expectUnknown(store, name);
    }),
    check('names that objects inherit are unknown', [keyOf('orders-service')], async (store) => {
      for (const name of INHERITED) await expectUnknown(store, name);
    }),
    check('names that objects inherit can be credentials', INHERITED.map(keyOf), async (store) => {
      for (const [byte, name] of INHERITED.entries()) {
        expectSecrets(await known(store, name), 'HMAC-256', [byte]);
      }
    }),
    check(
      'upper and lower case are told apart',
      [keyOf('Orders', 1), keyOf('orders', 2)],
      async (store) => {
        expectSecrets(await known(store, 'Orders'), 'HMAC-256', [1]);
        expectSecrets(await known(store, 'orders'), 'HMAC-256', [2]);
        await expectUnknown(store, 'ORDERS');
      },
    ),
    check(
      'credentials of 128 characters are told apart to the last one',
      [keyOf(`${'x'.repeat(127)}1`, 1), keyOf(`${'x'.repeat(127)}2`, 2)],
      async (store) => {
        expectSecrets(await known(store, `${'x'.repeat(127)}1`), 'HMAC-256', [1]);
        expectSecrets(await known(store, `${'x'.repeat(127)}2`), 'HMAC-256', [2]);
        await expectUnknown(store, 'x'.repeat(127));
      },
    ),
    check(
      'algorithm, status and group are kept',
      [
        { ...keyOf('a', 1), algorithm: 'HMAC-512', status: 'disabled', group: 'partners' },
        keyOf('b', 2),
      ],
      async (store) => {
        const a = await known(store, 'a');
        expectOneOf(a.status, ['disabled'], 'status of a disabled key');
        expectOneOf(a.group, ['partners'], 'group');
        expectSecrets(a, 'HMAC-512', [1]);
        const b = await known(store, 'b');
        expectOneOf(b.status, ['active'], 'status where none was given');
        expectOneOf(b.group, [undefined], 'group where none was given');
      },
    ),
    check(
      'every secret of a key is kept, with its id and its time',
      [
        {
          credential: 'a',
          secrets: [
            { id: 'old', secret: secretOf(1), notAfter: YEAR_END },
            { id: 'new', secret: secretOf(2), notBefore: YEAR_START },
            { secret: secretOf(3) },
          ],
        },
      ],
      async (store) => {
        const record = await known(store, 'a');
        expectSecrets(record, 'HMAC-256', [1, 2, 3]);
        const facts = record.secrets.map(({ id, notBefore, notAfter }) => [
          id,
          notBefore,
          notAfter,
        ]);
        const expected = [
          ['old', undefined, Date.parse(YEAR_END)],
          ['new', Date.parse(YEAR_START), undefined],
          [undefined, undefined, undefined],
        ];
        expectOneOf(
          inspect(facts),
          [inspect(expected)],
          'id, notBefore and notAfter (ms since 1970)',
        );
      },
    ),
    check('a record does not show its secret', [keyOf('a', 7)], async (store) => {
      const record = await known(store, 'a');
      const shown = `${JSON.stringify(record)} ${inspect(record, { depth: 9, showHidden: true })}`;
      const text = secretOf(7).slice('csk_'.length);
      expectThat(!shown.includes(text), 'JSON.stringify or inspect of the record shows the secret');
    }),
    check(
      'lookups at once do not mix',
      Array.from({ length: 20 }, (_, i) => keyOf(`c${i}`, i)),
      async (store) => {
        const records = await Promise.all(
          Array.from({ length: 200 }, (_, i) => known(store, `c${i % 20}`)),
        );
        for (const [i, record] of records.entries()) expectSecrets(record, 'HMAC-256', [i % 20]);
      },
    ),
    check('health holds while the store answers', [keyOf('a')], async (store) => {
      if (store.health === undefined) return;
      const answer: unknown = await store.health();
      expectThat(answer === undefined, 'health has nothing to say: it resolves, or rejects');
      expectSecrets(await known(store, 'a'), 'HMAC-256', [1]);
    }),
    ...(replace === undefined
      ? []
      : [
          check(
            'a change of the keys is seen',
            [keyOf('a', 1), keyOf('gone', 2)],
            async (store) => {
              expectSecrets(await known(store, 'a'), 'HMAC-256', [1]);
              await expectUnknown(store, 'late');
              const rotated = {
                credential: 'a',
                secrets: [{ secret: secretOf(1) }, { secret: secretOf(3) }],
              };
              await replace.call(options, store, [rotated, keyOf('late', 4)]);
              expectSecrets(await known(store, 'a'), 'HMAC-256', [1, 3]);
              expectSecrets(await known(store, 'late'), 'HMAC-256', [4]);
              await expectUnknown(store, 'gone');
            },
          ),
        ]),
    ...(breakBackend === undefined
      ? []
      : [
          check(
            'an error is never taken for an unknown credential',
            [keyOf('a')],
            async (store) => {
              await breakBackend.call(options, store);
              const find = async () => store.find('unknown');
              const outcome = await find().then(
                () => 'answered' as const,
                () => 'failed' as const,
              );
              expectOneOf(outcome, ['failed'], 'find with a broken backend must throw or reject');
            },
          ),
          check('health tells of an error', [keyOf('a')], async (store) => {
            if (store.health === undefined) return;
            await breakBackend.call(options, store);
            const ask = async () => store.health?.();
            const outcome = await ask().then(
              () => 'holds' as const,
              () => 'failed' as const,
            );
            expectOneOf(outcome, ['failed'], 'health with a broken backend must throw or reject');
          }),
        ]),
  ];
}
