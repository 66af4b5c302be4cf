import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyEntry } from '@countersign/server';
import { keyDirectory } from '@countersign/server/keys/directory';
import { keyStoreContract } from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import {
  bytesOf,
  closeStores,
  secretOf,
  temporaryDirectory,
  watched,
  writtenEntry,
} from './keys-rig.js';

const root = temporaryDirectory();
afterEach(closeStores);

let directories = 0;
/** A directory of these files. */
function directoryOf(files: Readonly<Record<string, string>>): string {
  const path = join(root, `${directories++}`);
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}
const watch = (path: string) => watched((options) => keyDirectory(path, options));

/** As Kubernetes writes a volume: all files behind one link, which is pointed elsewhere at once. */
class Volume {
  readonly path = directoryOf({});
  #versions = 0;

  write(files: Readonly<Record<string, string>>): void {
    const version = `..v${++this.#versions}`;
    mkdirSync(join(this.path, version));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(this.path, version, name), text);
    }
    symlinkSync(version, join(this.path, '..data_tmp'));
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'));
    for (const name of Object.keys(files)) {
      rmSync(join(this.path, name), { force: true });
      symlinkSync(`..data/${name}`, join(this.path, name));
    }
    rmSync(join(this.path, `..v${this.#versions - 1}`), { recursive: true, force: true });
  }
}

describe('the contract of key stores', () => {
  const write = (path: string, keys: readonly KeyEntry[]) => {
    for (const { credential, ...entry } of keys.map(writtenEntry)) {
      writeFileSync(join(path, credential), JSON.stringify(entry));
    }
  };
  const made = new Map<unknown, { path: string; watching: ReturnType<typeof watch> }>();
  const contract = keyStoreContract({
    create(keys) {
      const path = directoryOf({});
      write(path, keys);
      const watching = watch(path);
      made.set(watching.store, { path, watching });
      return watching.store;
    },
    async replace(store, keys) {
      const { path = '', watching } = made.get(store) ?? {};
      await watching?.reloadAfter(() => {
        rmSync(path, { recursive: true });
        mkdirSync(path);
        write(path, keys);
      });
    },
  });
  for (const { name, run } of contract) it(name, run);
});

describe('a file is a key', () => {
  it('of one secret, of several, or of all that JSON can say', async () => {
    const { store } = watch(
      directoryOf({
        one: secretOf(1),
        'line-feed': `${secretOf(2)}\n`,
        several: `${secretOf(3)}\r\n\n  ${secretOf(4)}\t\n`,
        json: `\n${JSON.stringify({
          algorithm: 'HMAC-512',
          group: 'partners',
          secrets: [{ id: 'new', secret: secretOf(5), notBefore: '2026-01-01T00:00:00Z' }],
        })}`,
        '.hidden': 'nothing',
        '..data': 'nothing',
        '.one.swp': secretOf(9),
      }),
    );
    expect(['one', 'line-feed', 'several'].map((name) => bytesOf(store, name))).toEqual([
      [1],
      [2],
      [3, 4],
    ]);
    expect(store.find('json')).toMatchObject({
      ...{ credential: 'json', algorithm: 'HMAC-512', group: 'partners' },
      secrets: [{ id: 'new', notBefore: Date.UTC(2026, 0, 1) }],
    });
    for (const name of ['.hidden', '..data', '.one.swp', '.', '..']) {
      expect(store.find(name)).toBeUndefined();
    }
  });

  const key = secretOf(7);
  it.each([
    ['a', '', 'a: secrets: expected at least one secret'],
    ['a', ' \n\n', 'a: secrets: expected at least one secret'],
    ['a', 'password', 'a: secrets[0].secret: '],
    ['a', `${key}\n${key.slice(4)}`, 'a: secrets[1].secret: '],
    ['a', `${key},${key}`, 'a: secrets[0].secret: '],
    ['a', key.slice(0, 24), 'a: secrets[0].secret: '],
    ['a', `${key.slice(0, -1)}\0`, 'a: secrets[0].secret: '],
    ['a', `env:${key}`, 'a: secrets[0].secret: '],
    ['a', '{', 'a: not valid JSON'],
    ['a', `{"secrets":[{"secret":${key}}]}`, 'a: not valid JSON'],
    ['a', '{"secrets":[]}', 'a: secrets: '],
    ['a', '{}', 'a: secrets: '],
    ['a', `{"credential":"b","secrets":[{"secret":"${key}"}]}`, 'a: (json).credential: '],
    ['a', `{"${key}":1}`, 'a: (json).[secret]: '],
    ['a', `{"secrets":[{"secret":"${key}","notafter":""}]}`, 'a: secrets[0].notafter: '],
  ])('%s with %j is refused by its name', (name, text, message) => {
    const path = directoryOf({ [name]: text });
    const read = () => keyDirectory(path);
    expect(read).toThrow(`${path}/${message}`);
    expect(read).not.toThrow(key.slice(4, 16));
  });

  it.each(['a b', 'a~', 'é', 'a:b', 'x'.repeat(129), 'lost+found'])(
    'not with the name %j',
    (name) => {
      const path = directoryOf({ a: key, [name]: key });
      expect(() => keyDirectory(path)).toThrow(`${path}: ${JSON.stringify(name)}: expected a name`);
    },
  );

  it('not with a secret for a name', () => {
    const path = directoryOf({ [key]: key });
    expect(() => keyDirectory(path)).toThrow('looks like a secret');
    expect(() => keyDirectory(path)).not.toThrow(key);
  });

  it('not if it is a directory, or a link that leads nowhere', () => {
    const path = directoryOf({});
    mkdirSync(join(path, 'inner'));
    expect(() => keyDirectory(path)).toThrow(`${path}/inner: expected a regular file`);
    const other = directoryOf({});
    symlinkSync('absent', join(other, 'a'));
    expect(() => keyDirectory(other)).toThrow(/^ENOENT/);
  });
});

describe('a change', () => {
  it('of a volume of Kubernetes is followed', async () => {
    const volume = new Volume();
    volume.write({ a: secretOf(1), b: secretOf(2) });
    const { store, reloadAfter, errors } = watch(volume.path);
    for (const byte of [3, 4, 5]) {
      await reloadAfter(() => volume.write({ a: secretOf(byte), b: secretOf(2) }));
      expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([[byte], [2]]);
    }
    expect(errors).toEqual([]);
  });

  it('of one file, a new one and one that is gone are followed', async () => {
    const path = directoryOf({ a: secretOf(1) });
    const { store, reloadAfter, errors } = watch(path);
    await reloadAfter(() => writeFileSync(join(path, 'a'), secretOf(2)));
    expect(bytesOf(store, 'a')).toEqual([2]);
    await reloadAfter(() => writeFileSync(join(path, 'b'), secretOf(3)));
    expect(bytesOf(store, 'b')).toEqual([3]);
    await reloadAfter(() => unlinkSync(join(path, 'a')));
    expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([undefined, [3]]);
    await reloadAfter(() => renameSync(join(path, 'b'), join(path, 'c')));
    expect([bytesOf(store, 'b'), bytesOf(store, 'c')]).toEqual([undefined, [3]]);
    expect(errors).toEqual([]);
  });

  it('that cannot be used changes no key at all', async () => {
    const path = directoryOf({ a: secretOf(1), b: secretOf(2) });
    const { store, reloadAfter, errorAfter } = watch(path);
    const message = await errorAfter(() => {
      writeFileSync(join(path, 'a'), secretOf(3));
      writeFileSync(join(path, 'b'), secretOf(4).slice(0, 30));
    });
    expect(message).toMatch(/b: secrets\[0\]\.secret: /);
    expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([[1], [2]]);
    await expect(store.health()).rejects.toThrow(message);
    await reloadAfter(() => writeFileSync(join(path, 'b'), secretOf(4)));
    expect([bytesOf(store, 'a'), bytesOf(store, 'b')]).toEqual([[3], [4]]);
    await store.health();
  });

  it('a directory that is gone is none, until it returns', async () => {
    const path = directoryOf({ a: secretOf(1) });
    const { store, reloadAfter, errorAfter } = watch(path);
    expect(await errorAfter(() => rmSync(path, { recursive: true }))).toMatch(/^ENOENT/);
    expect(bytesOf(store, 'a')).toEqual([1]);
    await expect(store.health()).rejects.toThrow('ENOENT');
    await reloadAfter(() => mkdirSync(path));
    expect(bytesOf(store, 'a')).toBeUndefined();
    await store.health();
  });
});

describe('options', () => {
  it.each([
    [{ poll: 1 }, /^poll: /],
    [{ env: {} }, /^env: /],
    [{ pollInterval: 9 }, /^pollInterval: /],
    [null, /^options: /],
  ])('%o', (options, message) => {
    expect(() => keyDirectory(root, options as never)).toThrow(message);
  });

  it('the path', () => {
    expect(() => keyDirectory('')).toThrow(/^path: /);
    expect(() => keyDirectory(undefined as never)).toThrow(/^path: /);
    expect(() => keyDirectory(join(root, 'absent'))).toThrow(/^ENOENT/);
    const file = join(directoryOf({ a: secretOf(1) }), 'a');
    expect(() => keyDirectory(file)).toThrow(/^ENOTDIR/);
  });

  it('no more than 10,000 files', () => {
    const path = directoryOf({});
    for (let i = 0; i <= 10_000; i++) symlinkSync('..', join(path, `${i}`));
    expect(() => keyDirectory(path)).toThrow(`${path}: expected at most 10000 files`);
  });
});
