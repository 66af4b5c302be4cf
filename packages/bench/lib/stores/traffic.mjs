// New nonces and replays, and what the stores say of them.
const CREDENTIAL = 'orders-service';

let instances = 0;

/**
 * Claims of which it is known what must be answered:
 * - most are new, and must be `fresh`
 * - some are begun twice at once: one must be `fresh`, one `replayed`
 * - some are replays of what was fresh a while ago: `replayed`, or anything but `fresh` if they have expired
 * - some are replays of what was purged already: anything but `fresh`
 *
 * Its own memory is that of its first second: the nonces are numbers, kept in rings.
 */
export class Traffic {
  #stores;
  #prefix = `${process.pid}-${Date.now().toString(36)}-${instances++}-`;
  #skew;
  #size;
  // Of each of the last numbers: whether it was fresh, and when it expires.
  #fresh;
  #expiries;
  #next = 0;
  #turn = 0;
  #idle;
  /** How many of those that were begun are not answered yet. */
  pending = 0;
  counts = {
    ...{ claims: 0, fresh: 0, replayed: 0, expired: 0, unavailable: 0 },
    ...{ freshReplays: 0, replayedNew: 0, odd: 0 },
  };

  /**
   * @param stores - that share what they know: a replay goes to another one than the claim before it
   * @param options - `rate` of claims a second; in seconds, `skew`, and `kept`, for how long a nonce may be kept at most
   */
  constructor(stores, { rate, skew, kept }) {
    this.#stores = stores;
    this.#skew = skew;
    this.#size = 2 ** Math.ceil(Math.log2(rate * (kept + skew) + 64));
    this.#fresh = new Uint8Array(this.#size);
    this.#expiries = new Uint32Array(this.#size);
  }

  /** Verdicts that contradict what must be answered: a replay that is fresh, a new nonce that is replayed. */
  get contradictions() {
    const { freshReplays, replayedNew, odd } = this.counts;
    return freshReplays + replayedNew + odd;
  }

  /** The same, and those who were not told what they must be told. */
  get wrong() {
    return this.contradictions + this.counts.unavailable;
  }

  /** Begins what is next, and tells how many claims that is. */
  begin() {
    return this.#begin().claims;
  }

  /** The same, once they are answered. */
  async beginAndWait() {
    const { claims, done } = this.#begin();
    await done;
    return claims;
  }

  /** Resolves when nothing is pending. */
  async over() {
    if (this.pending === 0) return;
    await new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #begin() {
    const turn = this.#turn++ % 20;
    // A sixth are replays of the last ones, which are the likeliest, and as many of any.
    const back = turn < 3 ? 256 : this.#size;
    const replayed = turn < 6 ? this.#candidate(Math.floor(Math.random() * back)) : undefined;
    const [claims, work] =
      replayed !== undefined
        ? [1, this.#replay(replayed)]
        : turn === 6
          ? [2, this.#twins()]
          : [1, this.#new()];
    this.pending++;
    const done = work.finally(() => {
      this.pending--;
      if (this.pending === 0) this.#idle?.();
    });
    return { claims, done };
  }

  /** One that was fresh, so many before the last. */
  #candidate(back) {
    const number = this.#next - 1 - back;
    return number >= 0 && this.#fresh[number % this.#size] === 1 ? number : undefined;
  }

  async #new() {
    const number = this.#number();
    this.#judgeNew(number, await this.#claim(number, 0));
  }

  async #twins() {
    const number = this.#number();
    const verdicts = await Promise.all([this.#claim(number, 0), this.#claim(number, 1)]);
    const fresh = verdicts.filter((verdict) => verdict === 'fresh').length;
    // One that could not be told may have been the first of the two.
    if (fresh === 0 && verdicts.includes('unavailable')) {
      for (const verdict of verdicts) this.#count(verdict);
      return;
    }
    const [first, second] = verdicts.toSorted(); // "fresh" comes before "replayed"
    this.#judgeNew(number, first);
    if (second === 'fresh') this.counts.freshReplays++;
    else this.#count(second);
  }

  async #replay(number) {
    const expiry = this.#expiries[number % this.#size];
    const verdict = await this.#claim(number, 1);
    if (verdict === 'fresh') this.counts.freshReplays++;
    else if (verdict === 'unavailable' && expiry <= Date.now() / 1000) this.counts.expired++;
    else this.#count(verdict);
  }

  #number() {
    const number = this.#next++;
    this.#fresh[number % this.#size] = 0;
    this.#expiries[number % this.#size] = Math.floor(Date.now() / 1000) + this.#skew;
    return number;
  }

  #judgeNew(number, verdict) {
    if (verdict === 'replayed') this.counts.replayedNew++;
    else this.#count(verdict);
    if (verdict === 'fresh') this.#fresh[number % this.#size] = 1;
  }

  #count(verdict) {
    if (verdict === 'fresh' || verdict === 'replayed') this.counts[verdict]++;
    else if (verdict === 'unavailable' || verdict === 'full') this.counts.unavailable++;
    else this.counts.odd++;
  }

  /** Of stores that share what they know, `which` asks another one. */
  async #claim(number, which) {
    const expiry = this.#expiries[number % this.#size];
    const nonce = this.#prefix + `${number}`.padStart(12, '0');
    const store = this.#stores[(number + which) % this.#stores.length];
    this.counts.claims++;
    try {
      return await store.claim(CREDENTIAL, nonce, expiry, expiry - this.#skew);
    } catch {
      return 'unavailable';
    }
  }
}
