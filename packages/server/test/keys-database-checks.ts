import { inspect } from 'node:util';
import type { KeyEntry } from '@countersign/server';
import { keyStoreContract } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import {
  type DatabaseKeyStore,
  hasSecret,
  holdExactly,
  keyOf,
  type Place,
  rejection,
  secretOf,
} from './keys-database-rig.js';
import { sealChecks } from './keys-database-seal-checks.js';

const ODD = ['__proto__', 'constructor', '.', '..', '-', '_', 'a.b.c', 'x'.repeat(128), '0'];

/** What every store in a database must do. */
export function databaseChecks(place: () => Promise<Place>): void {
  describe('contract', () => {
    const places = new WeakMap<object, Place>();
    const create = async (keys: readonly KeyEntry[]) => {
      const here = await place();
      const store = here.open();
      places.set(store, here);
      await holdExactly(store, keys);
      return store;
    };
    const contract = keyStoreContract({
      create,
      replace: (store, keys) => holdExactly(store as DatabaseKeyStore, keys),
      breakBackend: (store) => (places.get(store) as Place).spoil(),
    });
    for (const { name, run } of contract) it(name, run);
  });

  describe('change', () => {
    it('gets the key as it is written down, and puts what it returns', async () => {
      const store = (await place()).open();
      const seen: unknown[] = [];
      const key: KeyEntry = {
        credential: 'a',
        algorithm: 'HMAC-512',
        status: 'disabled',
        group: 'partners',
        secrets: [
          { id: 'one', secret: secretOf(1), notAfter: '2027-01-01T00:00:00.5+01:00' },
          { id: 'two', secret: secretOf(2), notBefore: '9999-12-31T23:59:59-23:59' },
        ],
      };
      await store.change('a', (before) => {
        seen.push(before);
        return key;
      });
      await store.change('a', (before) => {
        seen.push(before);
        return before;
      });
      const [first, second] = seen as [undefined, KeyEntry];
      expect(first).toBeUndefined();
      expect(JSON.parse(JSON.stringify(second))).toEqual(
        JSON.parse(JSON.stringify(key).replace(/csk_[\w-]+/g, '[secret]')),
      );
      expect(second.secrets.map(({ secret }) => inspect(secret))).toEqual(['[secret]', '[secret]']);
      const record = await store.find('a');
      expect(record?.secrets[0]?.notAfter).toBe(Date.parse('2026-12-31T23:00:00.500Z'));
      expect(record).toMatchObject({
        algorithm: 'HMAC-512',
        status: 'disabled',
        group: 'partners',
      });
    });

    it('removes a key, or nothing', async () => {
      const store = (await place()).open();
      await store.change('a', () => keyOf('a'));
      for (let i = 0; i < 2; i++) {
        await store.change('a', () => undefined);
        expect(await store.find('a')).toBeUndefined();
      }
      expect(await store.list()).toEqual([]);
    });

    it('passes on what is thrown, and changes nothing', async () => {
      const store = (await place()).open();
      await store.change('a', () => keyOf('a', 7));
      const mine = new Error('mine');
      for (const credential of ['a', 'new']) {
        const thrown = store.change(credential, () => {
          throw mine;
        });
        await expect(thrown).rejects.toBe(mine);
      }
      expect(hasSecret(await store.find('a'), 7)).toBe(true);
      expect(await store.find('new')).toBeUndefined();
      await store.change('a', () => keyOf('a', 8));
      expect(hasSecret(await store.find('a'), 8)).toBe(true);
    });

    it.each<[string, unknown]>([
      ['key[0]: ', null],
      ['key[0]: ', 'a'],
      ['key[0]: ', false],
      ['key[0].credential: ', {}],
      ['key[0].credential: ', Promise.resolve(keyOf('a'))],
      ['key[0].credential: ', keyOf('b')],
      ['key[0].secrets: ', { credential: 'a' }],
      ['key[0].secrets: ', { credential: 'a', secrets: [] }],
      ['key[0].secrets[0].secret: ', { credential: 'a', secrets: [{ secret: 'csk_AAAA' }] }],
      ['key[0].status: ', { ...keyOf('a'), status: 'on' }],
      ['key[0].lastUsed: ', { ...keyOf('a'), lastUsed: 1 }],
    ])('what is no key is refused, and nothing changed: %s%o', async (path, value) => {
      const store = (await place()).open();
      await store.change('a', () => keyOf('a', 7));
      for (const credential of ['a', 'new']) {
        const message = await rejection(store.change(credential, () => value as never));
        // The rest of these is for another credential, too.
        const expected = credential === 'a' ? path : 'key[0]';
        expect(message.slice(0, expected.length)).toBe(expected);
      }
      expect(hasSecret(await store.find('a'), 7)).toBe(true);
      expect((await store.list()).map(({ credential }) => credential)).toEqual(['a']);
    });

    it('what is no credential is refused, and unknown', async () => {
      const store = (await place()).open();
      for (const odd of ['', ' ', 'a b', 'a\n', 'é', 'x'.repeat(129), null, undefined, 1, {}]) {
        expect(await rejection(store.change(odd as never, () => keyOf('a')))).toMatch(
          /^credential: /,
        );
        expect(await store.find(odd as never)).toBeUndefined();
      }
      expect(await rejection(store.change('a', null as never))).toMatch(/^change: /);
    });

    it('credentials that are odd are kept apart', async () => {
      const store = (await place()).open();
      await Promise.all(ODD.map((name, i) => store.change(name, () => keyOf(name, i))));
      for (const [i, name] of ODD.entries()) {
        expect([name, hasSecret(await store.find(name), i)]).toEqual([name, true]);
      }
      expect((await store.list()).map(({ credential }) => credential)).toEqual([...ODD].sort());
    });

    it('loses none of many at once, of one store or of two, be the key there or not', async () => {
      const here = await place();
      const stores = [here.open(), here.open()] as const;
      const add = (i: number) =>
        stores[i % 2 === 0 ? 0 : 1].change('a', (key) => ({
          credential: 'a',
          secrets: [...(key?.secrets ?? []), { id: `s${i}`, secret: secretOf(i) }],
        }));
      await Promise.all(Array.from({ length: 20 }, (_, i) => add(i)));
      const ids = (await stores[0].find('a'))?.secrets.map(({ id }) => id);
      expect(ids?.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `s${i}`).sort());
      const remove = (i: number) =>
        stores[0].change('a', (key) => {
          const secrets = key?.secrets.filter(({ id }) => id !== `s${i}`) ?? [];
          return secrets.length === 0 ? undefined : { credential: 'a', secrets };
        });
      await Promise.all(Array.from({ length: 20 }, (_, i) => remove(i)));
      expect(await stores[0].find('a')).toBeUndefined();
    });
  });

  describe('list', () => {
    it('shows everything but secrets, sorted by credential', async () => {
      const here = await place();
      const store = here.open();
      const secrets = [{ id: 'one', secret: secretOf(9), notAfter: '2027-01-01T00:00:00Z' }];
      await store.change('b', () => ({ credential: 'b', group: 'g', secrets }));
      for (const name of ['a', 'B', 'a.b', '_']) await store.change(name, () => keyOf(name, 9));
      const list = await store.list();
      expect(list.map(({ credential }) => credential)).toEqual(['B', '_', 'a', 'a.b', 'b']);
      expect(list[4]).toEqual({
        credential: 'b',
        algorithm: 'HMAC-256',
        status: 'active',
        group: 'g',
        secrets: [{ id: 'one', notBefore: undefined, notAfter: Date.parse('2027-01-01') }],
        lastUsed: undefined,
      });
      const shown = `${JSON.stringify(list)} ${inspect(list, { depth: 9 })} ${await here.dump()}`;
      expect(shown).toContain('"one"');
      expect(shown).not.toContain(secretOf(9).slice(4));
      expect(shown).not.toContain(Buffer.alloc(32, 9).toString('base64').slice(0, 40));
    });

    it('shows when each was used last, whoever noted it first', async () => {
      const store = (await place()).open();
      for (const name of ['a', 'b', 'c']) await store.change(name, () => keyOf(name));
      const minute = Date.parse('2026-11-01T10:00:00Z');
      const uses = new Map([
        ['a', minute],
        ['b', minute],
        ['unknown', minute],
      ]);
      await store.noteUses(uses);
      await store.noteUses(new Map([['a', minute - 60_000]]));
      await store.noteUses(new Map([['b', minute + 60_000]]));
      await store.noteUses(new Map());
      const used = async () => (await store.list()).map(({ lastUsed }) => lastUsed);
      expect(await used()).toEqual([minute, minute + 60_000, undefined]);
      await store.change('a', (key) => key);
      expect((await used())[0]).toBe(minute);
      // A key that comes again under this name is another one.
      await store.change('a', () => undefined);
      await store.change('a', () => keyOf('a'));
      expect((await used())[0]).toBeUndefined();
    });

    it('is whole when there are many, and so are the notes of their uses', async () => {
      const store = (await place()).open();
      const names = Array.from({ length: 1_200 }, (_, i) => `k${`${i}`.padStart(4, '0')}`);
      for (let i = 0; i < names.length; i += 100) {
        const some = names.slice(i, i + 100);
        await Promise.all(some.map((name) => store.change(name, () => keyOf(name))));
      }
      await store.noteUses(new Map(names.map((name, i) => [name, i * 60_000])));
      const list = await store.list();
      expect(list.map(({ credential }) => credential)).toEqual(names);
      expect(list.every(({ lastUsed }, i) => lastUsed === i * 60_000)).toBe(true);
    });
  });

  sealChecks(place);
}
