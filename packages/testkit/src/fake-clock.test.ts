import { describe, expect, it } from 'vitest';
import { fakeClock } from './fake-clock.js';

describe('fakeClock', () => {
  it('stands still until it is moved, in either direction', () => {
    const clock = fakeClock(1_000);
    expect([clock.now(), clock.now()]).toEqual([1_000, 1_000]);
    clock.advance(500);
    expect(clock.now()).toBe(1_500);
    clock.advance(-2_000);
    expect(clock.now()).toBe(-500);
    clock.set(7);
    expect(clock.now()).toBe(7);
  });

  it('hands out a now that needs no this', () => {
    const clock = fakeClock(5);
    const { now } = clock;
    clock.advance(1);
    expect(now()).toBe(6);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '5', undefined])('refuses %s', (ms) => {
    expect(() => fakeClock(ms as number)).toThrow(TypeError);
    expect(() => fakeClock(0).set(ms as number)).toThrow(/^ms: /);
    expect(() => fakeClock(0).advance(ms as number)).toThrow(/^ms: /);
  });
});
