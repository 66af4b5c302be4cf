/** What a limiter is made with: options of `rate-limiter-flexible`, to be spread among those of the backend. */
export interface LimiterOptions {
  /** What the limiter's keys begin with, so that limits do not share counts. */
  readonly keyPrefix: string;
  /** Requests in a window. */
  readonly points: number;
  /** Seconds of a window. */
  readonly duration: number;
}

/** What is asked of a limiter: that of every class of `rate-limiter-flexible`. */
export interface Limiter {
  /** Counts one request; rejects with the state of the window if that was one too many, with an `Error` if it cannot tell. */
  consume(key: string): Promise<LimiterState>;
}

/** How a window stands. */
export interface LimiterState {
  /** Milliseconds until it ends. */
  readonly msBeforeNext: number;
  readonly remainingPoints: number;
}

/**
 * Counts one request.
 *
 * @returns how the window stands if this was one too many, or `undefined`
 * @throws whatever the backend failed with, or TypeError for an answer of another kind
 */
export async function consume(limiter: Limiter, key: string): Promise<LimiterState | undefined> {
  let state: LimiterState;
  try {
    state = await limiter.consume(key);
  } catch (reason) {
    // A limit that is reached is told by a rejection that is no error.
    if (reason instanceof Error || !isState(reason)) throw reason;
    return reason;
  }
  if (!isState(state)) throw new TypeError('limiter: consume gave no state of a window');
  return undefined;
}

function isState(value: unknown): value is LimiterState {
  const state = value as LimiterState | null | undefined;
  return typeof state?.msBeforeNext === 'number' && typeof state.remainingPoints === 'number';
}
