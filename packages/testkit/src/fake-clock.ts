/** A clock that moves only when it is told to. */
export interface FakeClock {
  /** Milliseconds since 1970. Needs no `this`: hand it over as the `now` of a verifier, a signer or a store. */
  readonly now: () => number;
  /** Moves by so many milliseconds; back, if negative. */
  advance(ms: number): void;
  /** Moves to so many milliseconds since 1970, be it forward or back. */
  set(ms: number): void;
}

/**
 * Makes a clock for tests.
 *
 * @param startMs - milliseconds since 1970
 * @throws TypeError if a time is not a finite number
 * @example
 * const clock = fakeClock(Date.UTC(2020, 0, 1, 12, 0, 30));
 * const nonces = memoryNonceStore({ start: 'fresh', now: clock.now });
 * clock.advance(300_000);
 */
export function fakeClock(startMs: number): FakeClock {
  let time = finite('startMs', startMs);
  return {
    now: () => time,
    advance: (ms) => {
      time += finite('ms', ms);
    },
    set: (ms) => {
      time = finite('ms', ms);
    },
  };
}

function finite(parameter: string, value: number): number {
  if (!Number.isFinite(value)) throw new TypeError(`${parameter}: expected a finite number of ms`);
  return value;
}
