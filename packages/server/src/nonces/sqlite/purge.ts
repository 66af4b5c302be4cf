import { wholeNumber } from '../../options.js';

/** When expired nonces are removed, and how many at a time. */
export interface SqlitePurge {
  /** Seconds from one time to the next, 1–3,600; 10 unless said otherwise. */
  readonly every?: number | undefined;
  /** Rows of one transaction, 1–10,000, in which nothing else runs; 500 unless said otherwise. */
  readonly batch?: number | undefined;
}

/** The same, with every default filled in. */
export interface PurgeSettings {
  readonly every: number;
  readonly batch: number;
}

/** @throws TypeError or RangeError that names the option `purge` */
export function purgeSettings(purge: unknown): PurgeSettings {
  if (typeof purge !== 'object' || purge === null) {
    throw new TypeError('purge: expected an object or false');
  }
  for (const member of Object.keys(purge)) {
    if (member !== 'every' && member !== 'batch') {
      throw new TypeError(`purge: unknown member ${member}; known are every, batch`);
    }
  }
  const { every = 10, batch = 500 } = purge as SqlitePurge;
  return {
    every: wholeNumber('purge: every', every, 1, 3_600),
    batch: wholeNumber('purge: batch', batch, 1, 10_000),
  };
}
