import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type KeyEntry, type WatchOptions, watchKeyFile } from '@countersign/server';
import { keyStoreContract } from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import {
  bytesOf,
  closeStores,
  entryOf,
  replaceFile,
  secretOf,
  temporaryDirectory,
  watched,
  writtenEntry,
} from './keys-rig.js';

const root = temporaryDirectory();
afterEach(closeStores);

let files = 0;
const textOf = (...entries: readonly KeyEntry[]) =>
  JSON.stringify({ keys: entries.map(writtenEntry) });
function written(text: string, path = join(root, `${files++}.json`)): string {
  writeFileSync(path, text);
  return path;
}
const watch = (path: string) => watched((options) => watchKeyFile(path, options));

describe('the contract of key stores', () => {
  const made = new Map<unknown, { path: string; watching: ReturnType<typeof watch> }>();
  const contract = keyStoreContract({
    create(keys) {
      const path = written(textOf(...keys));
      const watching = watch(path);
      made.set(watching.store, { path, watching });
      return watching.store;
    },
    async replace(store, keys) {
      const { path = '', watching } = made.get(store) ?? {};
      await watching?.reloadAfter(() => replaceFile(path, textOf(...keys)));
    },
  });
  for (const { name, run } of contract) it(name, run);
});

describe('a change is followed', () => {
  it.each([
    ['written in place', (path: string, text: string) => writeFileSync(path, text)],
    ['put in its place', replaceFile],
    [
      'written again after it was removed',
      (path: string, text: string) => {
        rmSync(path);
        writeFileSync(path, text);
      },
    ],
  ])('%s', async (_, write) => {
    const path = written(textOf(entryOf('a', 1), entryOf('b', 2)));
    const { store, reloadAfter, errors } = watch(path);
    expect([bytesOf(store, 'a'), bytesOf(store, 'c')]).toEqual([[1], undefined]);
    await reloadAfter(() => write(path, textOf(entryOf('a', 1, 3), entryOf('c', 4))));
    expect(['a', 'b', 'c'].map((name) => bytesOf(store, name))).toEqual([[1, 3], undefined, [4]]);
    // One more, of the same length: only the time tells.
    await reloadAfter(() => write(path, textOf(entryOf('a', 1, 5), entryOf('c', 4))));
    expect(bytesOf(store, 'a')).toEqual([1, 5]);
    expect(errors).toEqual([]);
  });

  it('is not told if the keys are the same', async () => {
    const path = written(textOf(entryOf('a', 1)));
    const watching = watch(path);
    replaceFile(path, textOf(entryOf('a', 1)));
    await watching.reloadAfter(() => {
      setTimeout(() => replaceFile(path, textOf(entryOf('a', 2))), 100);
    });
    expect([watching.reloads, watching.errors]).toEqual([1, []]);
  });

  it('of a link that is pointed elsewhere, with what the file refers to', async () => {
    const directory = join(root, 'kubernetes');
    const version = (name: string, byte: number) => {
      mkdirSync(join(directory, name), { recursive: true });
      writeFileSync(join(directory, name, 'a.secret'), `${secretOf(byte)}\n`);
      const keys = [{ credential: 'a', secrets: [{ secret: 'file:a.secret' }] }];
      writeFileSync(join(directory, name, 'keys.json'), JSON.stringify({ keys }));
      symlinkSync(name, join(directory, '..tmp'));
      renameSync(join(directory, '..tmp'), join(directory, '..data'));
    };
    version('..1', 1);
    symlinkSync('..data/keys.json', join(directory, 'keys.json'));
    symlinkSync('..data/a.secret', join(directory, 'a.secret'));
    const { store, reloadAfter, errors } = watch(join(directory, 'keys.json'));
    for (const byte of [2, 3]) {
      await reloadAfter(() => {
        version(`..${byte}`, byte);
        rmSync(join(directory, `..${byte - 1}`), { recursive: true });
      });
      expect([bytesOf(store, 'a'), errors]).toEqual([[byte], []]);
    }
  });

  it('of a file that is referred to, also after it was not there', async () => {
    const secret = written(secretOf(1), join(root, 'a.secret'));
    const keys = [{ credential: 'a', secrets: [{ secret: 'file:a.secret' }] }];
    const { store, reloadAfter, errorAfter } = watch(written(JSON.stringify({ keys })));
    await reloadAfter(() => writeFileSync(secret, secretOf(2)));
    expect(bytesOf(store, 'a')).toEqual([2]);
    expect(await errorAfter(() => rmSync(secret))).toContain(`cannot read ${secret} (ENOENT)`);
    expect(bytesOf(store, 'a')).toEqual([2]);
    await reloadAfter(() => writeFileSync(secret, secretOf(3)));
    expect(bytesOf(store, 'a')).toEqual([3]);
  });

  it('of a file that is referred to since the last change', async () => {
    const path = written(textOf(entryOf('a', 1)));
    const { store, reloadAfter } = watch(path);
    const secret = written(secretOf(2), join(root, 'later.secret'));
    const keys = [{ credential: 'a', secrets: [{ secret: 'file:later.secret' }] }];
    await reloadAfter(() => replaceFile(path, JSON.stringify({ keys })));
    await reloadAfter(() => {
      // Once it has been read twice, only its own change can be the reason for another reading.
      setTimeout(() => writeFileSync(secret, secretOf(3)), 1_300);
    });
    expect(bytesOf(store, 'a')).toEqual([3]);
  });

  it('in another form, by parse', async () => {
    const parse = (text: string) => {
      const [credential, secret] = text.split(' ');
      return { keys: [{ credential, secrets: [{ secret }] }] };
    };
    const path = written(`a ${secretOf(1)}`);
    const { store, reloadAfter, errorAfter } = watched((options: WatchOptions) =>
      watchKeyFile(path, { ...options, parse }),
    );
    await reloadAfter(() => replaceFile(path, `a ${secretOf(2)}`));
    expect(bytesOf(store, 'a')).toEqual([2]);
    expect(await errorAfter(() => replaceFile(path, secretOf(3)))).not.toContain('csk_');
  });
});

describe('a change that cannot be used', () => {
  const good = textOf(entryOf('a', 1), entryOf('b', 2));
  const key = secretOf(7);
  it.each([
    ['empty', ''],
    ['cut in the middle of a secret', good.slice(0, good.indexOf('csk_') + 30)],
    ['cut before its end', good.slice(0, -1)],
    ['a secret in the wrong place', `{"keys":[{"${key}":1}]}`],
    ['a secret without quotes', `{"keys":[{"credential":"a","secrets":[{"secret":${key}}]}]}`],
    ['a secret that is too short', textOf(entryOf('a', 7)).replace(key, key.slice(0, 20))],
    ['a credential twice', textOf(entryOf('a', 7), entryOf('a', 7))],
  ])('%s: keeps the last good one, and says so once', async (_, broken) => {
    const path = written(good);
    const watching = watch(path);
    const { store, reloadAfter, errorAfter, errors } = watching;
    const message = await errorAfter(() => writeFileSync(path, broken));
    expect(message.startsWith(`${path}: `)).toBe(true);
    expect(message).not.toContain(key.slice(4, 16));
    expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([[1], [2]]);
    const failed = store.health();
    await expect(failed).rejects.toThrow(message);
    await failed.catch((error) => expect(inspect(error)).not.toContain(key.slice(4, 16)));
    await reloadAfter(() => writeFileSync(path, textOf(entryOf('a', 3))));
    expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([[3], undefined]);
    await store.health();
    expect(errors).toHaveLength(1);
  });

  it('is told to be over when the file is as it was', async () => {
    const path = written(good);
    const { store, reloadAfter, errorAfter } = watch(path);
    await errorAfter(() => truncateSync(path, 9));
    await reloadAfter(() => writeFileSync(path, good));
    await store.health();
  });

  it('removal is one, until it returns', async () => {
    const path = written(good);
    const { store, reloadAfter, errorAfter } = watch(path);
    expect(await errorAfter(() => rmSync(path))).toMatch(/^ENOENT: .*\.json/);
    expect(bytesOf(store, 'a')).toEqual([1]);
    await expect(store.health()).rejects.toThrow('ENOENT');
    expect(await errorAfter(() => mkdirSync(path))).toMatch(/expected a regular file$/);
    await reloadAfter(() => {
      rmSync(path, { recursive: true });
      writeFileSync(path, textOf());
    });
    expect(bytesOf(store, 'a')).toBeUndefined();
    await store.health();
  });

  it('is no exception, whatever is thrown', async () => {
    const path = written('good');
    const parse = (text: string) => {
      if (text !== 'good') throw text;
      return { keys: [] };
    };
    const { errorAfter } = watched((options) => watchKeyFile(path, { ...options, parse }));
    expect(await errorAfter(() => writeFileSync(path, key))).toBe(`${path}: cannot be parsed`);
  });
});

describe('options', () => {
  it.each([
    [{ pollinterval: 1_000 }, /^pollinterval: /],
    [{ pollInterval: 0 }, /^pollInterval: /],
    [{ pollInterval: null }, /^pollInterval: /],
    [{ onReload: true }, /^onReload: /],
    [{ onError: null }, /^onError: /],
    [{ env: null }, /^env: /],
    [{ parse: 'json' }, /^parse: /],
    [null, /^options: /],
  ])('%o', (options, message) => {
    const path = written(textOf());
    expect(() => watchKeyFile(path, options as never)).toThrow(message);
  });

  it('a first reading that fails throws', () => {
    expect(() => watchKeyFile(join(root, 'absent.json'))).toThrow(/^ENOENT/);
    const path = written('{');
    expect(() => watchKeyFile(path)).toThrow(`${path}: not valid JSON`);
    expect(() => watchKeyFile(root)).toThrow(/expected a regular file$/);
  });
});
