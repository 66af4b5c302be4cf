import { optionalFunction, optionIn, wholeNumber } from '../../options.js';

/** What the shared stores have in common. */
export interface SharedStoreOptions {
  /** Skew of the verifier in seconds, 1–3,600; 300 unless said otherwise. */
  readonly skew?: number | undefined;
  /** How far the clocks of those who share the store may differ, in seconds, 1–3,600; 60 unless said otherwise. */
  readonly clockMargin?: number | undefined;
  /** How long a claim may take, in milliseconds, 1–10,000; then it is `unavailable`. 250 unless said otherwise. */
  readonly deadline?: number | undefined;
  /**
   * What is done about requests that may have been accepted before the data was lost or begun: `normal` refuses those
   * dated up to then; `strict` those dated up to then + skew (a caller whose clock runs ahead); `fresh` none, for tests
   * and development.
   */
  readonly start?: 'normal' | 'strict' | 'fresh' | undefined;
  /** The clock, in milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: (() => number) | undefined;
}

/** The same, with every default filled in. */
export interface SharedSettings {
  readonly skew: number;
  readonly clockMargin: number;
  readonly deadline: number;
  readonly start: 'normal' | 'strict' | 'fresh';
  readonly now: () => number;
}

export const SHARED_OPTIONS = ['skew', 'clockMargin', 'deadline', 'start', 'now'] as const;

/** @throws TypeError or RangeError that names the option */
export function sharedSettings(options: SharedStoreOptions): SharedSettings {
  const { skew = 300, clockMargin = 60, deadline = 250, start = 'normal', now } = options;
  return {
    skew: wholeNumber('skew', skew, 1, 3_600),
    clockMargin: wholeNumber('clockMargin', clockMargin, 1, 3_600),
    deadline: wholeNumber('deadline', deadline, 1, 10_000),
    start: optionIn('start', start, ['normal', 'strict', 'fresh']),
    now: optionalFunction('now', now) ?? Date.now,
  };
}
