import { setTimeout as delay } from 'node:timers/promises';
import type { KeyRecord } from '@countersign/server';
import { createVerifier, memoryNonceStore } from '@countersign/server';
import { TEST_KEY_ENTRY } from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { parseKeys } from '../static-keys.js';
import type { Reading } from './reading.js';
import { type KeySource, WatchedKeys, type WatchOptions } from './watched-keys.js';

const KEYS = parseKeys([TEST_KEY_ENTRY], 'keys');
const NONE: ReadonlyMap<string, KeyRecord> = new Map();
const NAME = TEST_KEY_ENTRY.credential;

/** A file system that does what no real one can be made to do at the right moment. */
class Disk implements KeySource {
  keys = KEYS;
  version = 0;
  loads = 0;
  onLoad: () => void = () => {};
  onStamp: () => Promise<void> | undefined = () => undefined;

  load(reading: Reading): ReadonlyMap<string, KeyRecord> {
    this.loads++;
    const { keys } = this;
    this.onLoad();
    // The digest is that of files; this very one stands for all keys but the first.
    if (keys !== KEYS) reading.text(import.meta.filename);
    return keys;
  }

  async stamp(): Promise<string> {
    await this.onStamp();
    return `${this.version}`;
  }
}

const open: WatchedKeys[] = [];
afterEach(() => {
  for (const keys of open.splice(0)) keys.close();
});
function watch(disk: Disk, options: WatchOptions = {}): WatchedKeys {
  const keys = new WatchedKeys(disk, { pollInterval: 10, ...options });
  open.push(keys);
  return keys;
}
async function looks(keys: WatchedKeys, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await keys.health().catch(() => {});
    await delay(12);
  }
}

describe('what is being written', () => {
  it('is not read before it has settled', async () => {
    const disk = new Disk();
    const keys = watch(disk, { onError: () => {} });
    disk.onStamp = () => {
      disk.version++;
      return undefined;
    };
    disk.keys = NONE;
    await looks(keys, 8);
    expect(disk.loads).toBe(1);
    expect(keys.find(NAME)).toBeDefined();
    disk.onStamp = () => undefined;
    await looks(keys, 4);
    expect(disk.loads).toBeGreaterThan(1);
    expect(keys.find(NAME)).toBeUndefined();
  });

  it('is told if it never settles', async () => {
    const disk = new Disk();
    const errors: string[] = [];
    const keys = watch(disk, { onError: ({ message }) => errors.push(message) });
    disk.onStamp = () => {
      disk.version++;
      return undefined;
    };
    await looks(keys, 24);
    expect(errors).toEqual(['the files of the keys change faster than they can be read']);
    await expect(keys.health()).rejects.toThrow('faster');
    disk.onStamp = () => undefined;
    await looks(keys, 4);
    await keys.health();
  });

  it('is not read by looks that follow at once', async () => {
    const disk = new Disk();
    const keys = watch(disk, { pollInterval: 3_600_000 });
    for (let i = 0; i < 5; i++) await keys.health();
    expect(disk.loads).toBe(1);
    await delay(110);
    await keys.health();
    expect(disk.loads).toBe(2);
  });

  it('is not taken if it changed while it was read', async () => {
    const disk = new Disk();
    let reloads = 0;
    const keys = watch(disk, {
      onReload: () => {
        reloads++;
      },
    });
    disk.keys = NONE;
    disk.onLoad = () => {
      disk.version++;
      disk.keys = KEYS; // whole again
      disk.onLoad = () => {};
    };
    await looks(keys, 8);
    expect(disk.loads).toBeGreaterThan(2);
    expect(reloads).toBe(0);
    expect(keys.find(NAME)).toBeDefined();
  });
});

it('finds what a coarse clock hides', async () => {
  const disk = new Disk();
  const keys = watch(disk);
  await looks(keys, 4);
  expect(disk.loads).toBe(2);
  disk.keys = NONE; // with the stamp it had
  await delay(1_100);
  await looks(keys, 1);
  expect(keys.find(NAME)).toBeUndefined();
  await looks(keys, 4);
  expect(disk.loads).toBe(3);
});

it('tries again what could not be read, although nothing changed since', async () => {
  const disk = new Disk();
  const keys = watch(disk, { onError: () => {} });
  disk.onLoad = () => {
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  };
  await looks(keys, 4);
  await delay(1_100);
  await looks(keys, 2);
  await expect(keys.health()).rejects.toThrow('EMFILE');
  disk.onLoad = () => {};
  await looks(keys, 2);
  await keys.health();
});

it('a disk that hangs holds up neither lookups nor the answer of a verifier', async () => {
  const disk = new Disk();
  const keys = watch(disk);
  let looksNow = 0;
  disk.onStamp = () => {
    looksNow++;
    return new Promise(() => {});
  };
  const verifier = createVerifier({
    keys,
    nonces: memoryNonceStore(),
    hosts: ['a.example'],
    storeTimeout: 50,
  });
  expect(await verifier.health()).toMatchObject({ ok: false, keys: { status: 'failed' } });
  expect(keys.find(NAME)).toMatchObject({ credential: NAME });
  await delay(30);
  expect(looksNow).toBe(1);
});

it('looks no more once it is closed', async () => {
  const disk = new Disk();
  const keys = watch(disk);
  await looks(keys, 2);
  keys.close();
  const { loads } = disk;
  disk.keys = NONE;
  disk.version++;
  await delay(50);
  expect(disk.loads).toBe(loads);
  expect(keys.find(NAME)).toBeDefined();
  await expect(keys.health()).rejects.toThrow('closed');
});

it('does not keep the process alive', () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  watch(new Disk());
  expect(timers()).toBe(before);
});

it('warns of the process unless somebody listens, and goes on if who listens throws', async () => {
  const disk = new Disk();
  const warnings: (Error & { code?: string })[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  try {
    const keys = watch(disk);
    const other = watch(disk, {
      onError: () => {
        throw new Error('listener');
      },
      onReload: (() => Promise.reject(new Error('listener'))) as () => void,
    });
    disk.onLoad = () => {
      throw new Error('keys.json: csk_AAAA or ckek_AAAA is not to be seen');
    };
    await looks(keys, 3);
    await looks(other, 3);
    disk.onLoad = () => {};
    await delay(1_100);
    await looks(other, 1);
    await other.health();
  } finally {
    process.off('warning', listen);
  }
  expect(warnings.map(({ code, message }) => [code, message])).toEqual([
    [
      'COUNTERSIGN_KEYS_NOT_RELOADED',
      'keys.json: [secret] or [secret] is not to be seen; the keys read before stay in use',
    ],
  ]);
});
