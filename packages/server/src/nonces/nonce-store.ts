import type { MaybePromise } from '../request-view.js';

/**
 * What a store says of a (credential, nonce) pair: `fresh` if this very call was the first to claim it, `replayed` if
 * not, `unavailable` if it cannot know, `full` if it could not remember it.
 */
export type NonceVerdict = 'fresh' | 'replayed' | 'unavailable' | 'full';

/**
 * Remembers which nonces were used. Any answer but `fresh` refuses the request; a throw or a rejection counts as
 * `unavailable`. `@countersign/testkit` has the suite that every store must pass.
 */
export interface NonceStore {
  /** The skew in seconds that its start rule was made for; a verifier with a larger one does not take the store. */
  readonly skew: number;
  /**
   * Claims a pair, atomically: of any number of calls with one pair at most one is ever told `fresh`.
   *
   * @param expiresAt - whole seconds since 1970; the pair is remembered at least until that second has passed
   * @param date - whole seconds since 1970: the signed time, which a store that starts empty compares with its start;
   *   `expiresAt` less the skew unless said otherwise (single-use URLs live longer)
   */
  claim(
    credential: string,
    nonce: string,
    expiresAt: number,
    date?: number,
  ): MaybePromise<NonceVerdict>;
  /** Resolves if the store answers now, rejects with the reason if not. A store without it is taken to answer always. */
  health?(): MaybePromise<void>;
}
