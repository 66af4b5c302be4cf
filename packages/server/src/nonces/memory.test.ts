import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { fakeClock, signedRequest, TEST_KEY_ENTRY } from '@countersign/testkit';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

// What every store must do is in the contract of the test kit, which its own tests run on this store.

const START = Date.UTC(2020, 0, 1, 12, 0, 30);
const S = START / 1000;
const nonce = (i: number | string = 0) => String(i).padStart(22, 'N');

function store(options: Parameters<typeof memoryNonceStore>[0] = {}) {
  const clock = fakeClock(START);
  return { clock, nonces: memoryNonceStore({ start: 'fresh', now: clock.now, ...options }) };
}

describe('time', () => {
  it('remembers throughout the second of expiry, and not longer', () => {
    const { clock, nonces } = store();
    expect(nonces.claim('a', nonce(), S + 10)).toBe('fresh');
    clock.set((S + 10) * 1000 + 999);
    expect([nonces.claim('a', nonce(), S + 10), nonces.size]).toEqual(['replayed', 1]);
    clock.advance(1);
    // Forgotten, but not fresh: what expired at the horizon cannot be told from a replay.
    expect([nonces.claim('a', nonce(), S + 10), nonces.size]).toEqual(['unavailable', 0]);
    expect(nonces.claim('a', nonce(), S + 11)).toBe('fresh');
  });

  it('forgets each second by itself', () => {
    const { clock, nonces } = store();
    for (let i = 0; i < 600; i++) expect(nonces.claim('a', nonce(i), S + i)).toBe('fresh');
    for (let i = 0; i < 600; i++) {
      clock.set((S + i) * 1000);
      expect(nonces.claim('a', nonce(599), S + 599)).toBe('replayed');
      expect(nonces.size).toBe(600 - i);
    }
  });

  it('a clock that steps back revives nothing', () => {
    const { clock, nonces } = store();
    nonces.claim('a', nonce('early'), S + 10);
    nonces.claim('a', nonce('late'), S + 100);
    clock.advance(11_000);
    nonces.claim('a', nonce('other'), S + 100);
    clock.set(START - 3_600_000);
    expect(nonces.claim('a', nonce('early'), S + 10)).toBe('unavailable');
    expect(nonces.claim('a', nonce('never seen'), S + 9)).toBe('unavailable');
    expect(nonces.claim('a', nonce('late'), S + 100)).toBe('replayed');
    expect(nonces.claim('a', nonce('never seen'), S + 11)).toBe('fresh');
  });

  it.each([Number.NaN, Infinity])('a clock that says %s for once revives nothing', (time) => {
    let now: number = START;
    const nonces = memoryNonceStore({ start: 'fresh', now: () => now });
    nonces.claim('a', nonce(), S + 300);
    now = time;
    expect(nonces.claim('a', nonce(), S + 300)).not.toBe('fresh');
    now = START;
    expect(nonces.claim('a', nonce(), S + 300)).not.toBe('fresh');
    expect(nonces.claim('a', nonce(1), S + 301)).toBe('fresh');
  });

  it.each([Number.NaN, undefined, Infinity, 'x', S + 10.5, 2 ** 32])(
    'an expiry of %s is never fresh',
    (expiresAt) => {
      const { nonces } = store();
      const { claim } = nonces;
      expect(Reflect.apply(claim, nonces, ['a', nonce(), expiresAt])).not.toBe('fresh');
    },
  );
});

describe('start', () => {
  it.each([
    ['normal', 300, 301],
    ['strict', 600, 601],
  ] as const)('%s refuses up to start + %i s', (start, refused, fresh) => {
    const { nonces } = store({ start });
    for (const after of [-300, 0, refused - 1, refused]) {
      expect([after, nonces.claim('a', nonce(after), S + after)]).toEqual([after, 'unavailable']);
    }
    expect([nonces.claim('a', nonce(), S + fresh), nonces.size]).toEqual(['fresh', 1]);
  });

  it('the skew moves both', () => {
    for (const [start, bound] of [
      ['normal', 60],
      ['strict', 120],
    ] as const) {
      const { nonces } = store({ start, skew: 60 });
      expect(nonces.skew).toBe(60);
      expect(nonces.claim('a', nonce(), S + bound)).toBe('unavailable');
      expect(nonces.claim('a', nonce(), S + bound + 1)).toBe('fresh');
    }
  });

  it('normal is what a store does that was told nothing: a request of an earlier life is refused', async () => {
    const clock = fakeClock(START);
    const { now } = clock;
    const request = signedRequest({ now });
    const verifierOf = () =>
      createVerifier({
        keys: staticKeys([TEST_KEY_ENTRY]),
        nonces: memoryNonceStore({ now }),
        hosts: ['api.example.com'],
        now,
      });
    clock.advance(1_000);
    const restarted = verifierOf();
    const verdict = await restarted.verify(request);
    expect(verdict).toMatchObject({ code: 'nonce_store_unavailable', retryAfter: 1 });
    clock.advance(1_000);
    expect(await restarted.verify(signedRequest({ now }))).toMatchObject({ verdict: 'accepted' });
    expect(await restarted.verify(request)).toMatchObject({ code: 'nonce_store_unavailable' });
  });
});

describe('capacity', () => {
  it('refuses when full, evicts nothing, and takes again what time has freed', () => {
    const { clock, nonces } = store({ capacity: 3 });
    for (let i = 0; i < 3; i++) expect(nonces.claim('a', nonce(i), S + 10 + i)).toBe('fresh');
    expect(nonces.claim('a', nonce(3), S + 300)).toBe('full');
    for (let i = 0; i < 3; i++) expect(nonces.claim('a', nonce(i), S + 10 + i)).toBe('replayed');
    expect([nonces.claim('a', nonce(3), S + 300), nonces.size]).toEqual(['full', 3]);
    clock.advance(11_000);
    expect(nonces.claim('a', nonce(3), S + 300)).toBe('fresh');
    expect(nonces.claim('a', nonce(4), S + 300)).toBe('full');
    expect(nonces.claim('a', nonce(3), S + 300)).toBe('replayed');
  });

  it('300,000 claims in a flood stay within it, are quick, and leave nothing behind', () => {
    const { clock, nonces } = store({ capacity: 100_000, perCredential: 100_000 });
    const counts = { fresh: 0, full: 0, replayed: 0, unavailable: 0 };
    const begin = performance.now();
    for (let i = 0; i < 300_000; i++) {
      const verdict = nonces.claim('a', nonce(i), S + (i % 601));
      if (verdict instanceof Promise) throw new TypeError('expected an answer at once');
      counts[verdict]++;
      expectWithin(nonces.size, 100_000);
    }
    const took = performance.now() - begin;
    expect(counts).toEqual({ fresh: 100_000, full: 200_000, replayed: 0, unavailable: 0 });
    expect(took).toBeLessThan(3_000);
    for (let i = 0; i < 100_000; i += 7) {
      expectWithin(nonces.claim('a', nonce(i), S + (i % 601)) === 'replayed' ? 0 : 1, 0);
    }
    clock.advance(601_000);
    expect([nonces.claim('a', nonce('last'), S + 900), nonces.size]).toEqual(['fresh', 1]);
  });

  it('a flood that moves with the clock holds no more than its window', () => {
    const { clock, nonces } = store();
    let most = 0;
    for (let second = 0; second < 300; second++) {
      for (let i = 0; i < 1_000; i++) nonces.claim('a', nonce(second * 1_000 + i), S + second + 10);
      most = Math.max(most, nonces.size);
      clock.advance(1_000);
    }
    expect(most).toBe(11_000);
  });
});

describe('resize', () => {
  it('forgets nothing, and takes no more than fits from now on', () => {
    const { clock, nonces } = store({ capacity: 3, perCredential: 3 });
    for (let i = 0; i < 3; i++) expect(nonces.claim('a', nonce(i), S + 10 + i)).toBe('fresh');
    nonces.resize(2, 2);
    expect(nonces.claim('a', nonce(0), S + 10)).toBe('replayed');
    expect([nonces.claim('b', nonce(3), S + 20), nonces.size]).toEqual(['full', 3]);
    clock.advance(12_000);
    expect(nonces.claim('b', nonce(3), S + 20)).toBe('fresh');
    nonces.resize(4);
    expect(nonces.claim('b', nonce(4), S + 20)).toBe('fresh');
    for (const bad of [0, -1, 1.5, Number.NaN]) {
      expect(() => nonces.resize(bad)).toThrow(/^capacity: /);
    }
    expect(() => nonces.resize(2, 3)).toThrow(/^perCredential: /);
  });
});

describe('perCredential', () => {
  it('leaves room for others, and takes again what time has freed', () => {
    const { clock, nonces } = store({ capacity: 100, perCredential: 3 });
    for (let i = 0; i < 3; i++) expect(nonces.claim('a', nonce(i), S + 10 + i)).toBe('fresh');
    expect(nonces.claim('a', nonce(3), S + 300)).toBe('full');
    expect(nonces.claim('a', nonce(0), S + 10)).toBe('replayed');
    expect(nonces.claim('b', nonce(3), S + 300)).toBe('fresh');
    clock.advance(11_000);
    expect(nonces.claim('a', nonce(3), S + 300)).toBe('fresh');
    expect(nonces.claim('a', nonce(4), S + 300)).toBe('full');
  });

  it('is three quarters unless said otherwise', () => {
    const { nonces } = store({ capacity: 100 });
    const verdicts = Array.from({ length: 100 }, (_, i) => nonces.claim('a', nonce(i), S + 300));
    expect(verdicts.filter((verdict) => verdict === 'fresh')).toHaveLength(75);
    for (let i = 0; i < 25; i++) expect(nonces.claim('b', nonce(i), S + 300)).toBe('fresh');
    expect(nonces.claim('b', nonce('one more'), S + 300)).toBe('full');
  });

  it.each([
    ['all has expired', S + 2_000, 600_000],
    ['others live on', S + 200, 10_000],
  ])('counts what is live, where many others came after and %s', (_, second, others) => {
    const { clock, nonces } = store({ capacity: 1_000_000, perCredential: 100 });
    for (let i = 0; i < 60; i++) expectSame([nonces.claim('a', nonce(i), S + 100)], 'fresh');
    for (let i = 0; i < others; i++) {
      expectSame([nonces.claim(`b${i % 20_000}`, nonce(i), S + 101 + (i % 90))], 'fresh');
    }
    for (let i = 0; i < 60; i++) expectSame([nonces.claim('c', nonce(i), S + 290)], 'fresh');
    clock.set(second * 1000);
    const later = Array.from({ length: 101 }, (_, i) =>
      nonces.claim('a', nonce(100 + i), second + 300),
    );
    expect(later.indexOf('full')).toBe(100);
  });

  it('forgets credentials as their nonces expire', () => {
    const { clock, nonces } = store({ capacity: 1_000, perCredential: 1 });
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 90; i++) {
        expect(nonces.claim(`c${i}`, nonce(second * 100 + i), S + second * 2 + 1)).toBe('fresh');
      }
      clock.advance(2_000);
      // What has expired is taken off with the claims that follow.
      for (let i = 0; i < 10; i++) nonces.claim(`d${second}`, nonce(i), S + 3_000);
    }
  });
});

describe('many credentials', () => {
  const names = Array.from({ length: 5_000 }, (_, i) => `caller-${i}`);

  it('each has its own share, and all of it again when it has expired', () => {
    const { clock, nonces } = store({ perCredential: 3 });
    for (const life of [100, 200]) {
      const expiresAt = S + life;
      for (const name of names) {
        const claim = (i: number) => nonces.claim(name, nonce(life * 10 + i), expiresAt - (i % 3));
        expectSame([0, 1, 2, 3, 4, 0].map(claim), 'fresh fresh fresh full full replayed');
      }
      clock.set((expiresAt + 1) * 1000);
      // What has expired is taken off with the claims that follow.
      for (let i = 0; i < 2_000; i++) nonces.claim(`other-${i}`, nonce(life * 10_000 + i), S + 400);
    }
  });
});

function expectSame(verdicts: readonly unknown[], expected: string): void {
  const text = verdicts.join(' ');
  if (text !== expected) throw new Error(`${text} is not ${expected}`);
}

/** `expect` itself would take most of the time of a loop. */
function expectWithin(value: number, most: number): void {
  if (value > most) throw new Error(`${value} is more than ${most}`);
}

it('keeps no process alive', () => {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-memory-'));
  try {
    const source = new URL('../', import.meta.url);
    const nonces = readdirSync(new URL('nonces', source))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `nonces/${name}`);
    mkdirSync(join(directory, 'nonces'));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    for (const file of ['options.ts', ...nonces]) {
      const text = readFileSync(new URL(file, source), 'utf8');
      const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
      const { outputText } = ts.transpileModule(text, { compilerOptions });
      writeFileSync(join(directory, file.replace(/ts$/, 'js')), outputText);
    }
    const program = `
      import { memoryNonceStore } from './nonces/memory.js';
      const nonces = memoryNonceStore({ start: 'fresh' });
      const expiresAt = Math.floor(Date.now() / 1000) + 300;
      for (let i = 0; i < 1000; i++) nonces.claim('a', 'n' + i, expiresAt);
      console.log(nonces.size, process.getActiveResourcesInfo().includes('Timeout'));`;
    const options = { cwd: directory, encoding: 'utf8', timeout: 10_000 } as const;
    const args = ['--input-type=module', '--eval', program];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
    expect([status, stdout, stderr]).toEqual([0, '1000 false\n', '']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it.each([
  ['skew', [0, -1, 1.5, 3_601, Number.NaN, '300', false, {}]],
  ['capacity', [0, -1, 1.5, 2 ** 24 + 1, Number.NaN, Infinity, '1', false]],
  ['start', ['', 'Fresh', 'none', false, 0, true]],
  ['now', [0, START, '', false, {}]],
])('a bad option is refused by name: %s', (option, values) => {
  for (const value of values) {
    let message = `nothing was thrown for ${value}`;
    try {
      memoryNonceStore({ [option]: value });
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      ({ message } = error);
    }
    expect(message.slice(0, option.length + 2)).toBe(`${option}: `);
  }
});

describe('single-use URLs', () => {
  it.each([
    ['normal', 0],
    ['strict', 300],
  ] as const)('a store that starts %s refuses what is dated up to its start', (start, later) => {
    const { nonces } = store({ start });
    const until = S + 3_600;
    expect(nonces.claim('a', nonce(1), until, S + later)).toBe('unavailable');
    expect(nonces.claim('a', nonce(1), until, S + later + 1)).toBe('fresh');
    expect(nonces.claim('a', nonce(1), until, S + later + 1)).toBe('replayed');
  });

  it('are remembered until they expire, a day at most', () => {
    const { clock, nonces } = store();
    expect(nonces.claim('a', nonce(), S + 86_401, S)).toBe('unavailable');
    expect(nonces.claim('a', nonce(), S + 86_400, S)).toBe('fresh');
    clock.set((S + 86_400) * 1000 + 999);
    expect(nonces.claim('a', nonce(), S + 86_400, S)).toBe('replayed');
  });
});
