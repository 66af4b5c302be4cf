import { keyEncryption } from '@countersign/server/keys/redis';
import { describe, expect, it } from 'vitest';
import {
  encryption,
  hasSecret,
  KEK,
  keyOf,
  type Place,
  rejection,
  secretOf,
  type Written,
} from './keys-database-rig.js';

/** What becomes of a store whose database was written to by somebody else. */
export function sealChecks(place: () => Promise<Place>): void {
  describe('what is written in the database', () => {
    type Change = (one: Written, two: Written) => Written;
    it.each<[string, Change]>([
      [
        'enabled by hand',
        ({ entry, sealed }) => ({ entry: entry.replace('disabled', 'active'), sealed }),
      ],
      [
        'in another group',
        ({ entry, sealed }) => ({ entry: entry.replace('partners', 'admins'), sealed }),
      ],
      [
        'live for longer',
        ({ entry, sealed }) => ({ entry: entry.replace('2027', '2037'), sealed }),
      ],
      [
        'live for ever',
        ({ entry, sealed }) => ({ entry: entry.replace(/"notAfter":"[^"]+"/, ''), sealed }),
      ],
      ['a space more', ({ entry, sealed }) => ({ entry: `${entry} `, sealed })],
      ['no entry', ({ sealed }) => ({ entry: '{}', sealed })],
      ['swapped with another', (_, two) => two],
      ['sealed as another', ({ entry }, { sealed }) => ({ entry, sealed })],
      ['cut short', ({ entry, sealed }) => ({ entry, sealed: sealed.slice(0, -4) })],
      ['in clear', ({ entry }) => ({ entry, sealed: JSON.stringify([secretOf(1)]) })],
      ['empty', ({ entry }) => ({ entry, sealed: '' })],
      ['of another version', ({ entry, sealed }) => ({ entry, sealed: sealed.replace('1', '2') })],
      [
        'sealed with an unknown key',
        ({ entry, sealed }) => ({ entry, sealed: sealed.replace('old', 'new') }),
      ],
    ])('%s: rejects, and tells nothing', async (_, change) => {
      const here = await place();
      const store = here.open();
      const secrets = [{ secret: secretOf(5), notAfter: '2027-01-01T00:00:00Z' }];
      for (const name of ['one', 'two']) {
        const key = { credential: name, status: 'disabled', group: 'partners', secrets } as const;
        await store.change(name, () => key);
      }
      const [one, two] = [await here.read('one'), await here.read('two')];
      await here.put('one', change(one, two));
      const find = rejection(store.find('one'));
      const outcomes = [
        find,
        rejection(store.list()),
        rejection(store.change('one', (key) => key)),
      ];
      for (const message of await Promise.all(outcomes)) {
        expect(message).toMatch(/^the key "one" cannot be read: /);
        expect(message).not.toContain('csk_');
      }
      expect(await store.find('two')).toMatchObject({ status: 'disabled' });
      await here.put('one', one);
      expect(await store.find('one')).toMatchObject({ status: 'disabled' });
    });

    it('opens with the right key only, and keys are rotated', async () => {
      const here = await place();
      const store = here.open(encryption);
      for (const name of ['a', 'b']) await store.change(name, () => keyOf(name, 3));
      const { old, new: next } = KEK;
      const wrong = here.open(keyEncryption({ current: 'old', keys: { old: next } }));
      expect(await rejection(wrong.find('a'))).toMatch(
        /^the key "a" cannot be read: it was changed/,
      );
      const rotated = here.open(keyEncryption({ current: 'new', keys: { new: next } }));
      expect(await rejection(rotated.find('a'))).toMatch(
        /sealed with the key "old", which is unknown$/,
      );
      expect(await rotated.find('c')).toBeUndefined();
      const both = here.open(keyEncryption({ current: 'new', keys: { old, new: next } }));
      expect(hasSecret(await both.find('a'), 3)).toBe(true);
      for (const { credential } of await both.list()) await both.change(credential, (key) => key);
      for (const name of ['a', 'b']) expect(hasSecret(await rotated.find(name), 3)).toBe(true);
      expect(await rejection(store.find('a'))).toMatch(
        /sealed with the key "new", which is unknown$/,
      );
    });
  });
}
