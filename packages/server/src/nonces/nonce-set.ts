import { FingerprintTable } from './fingerprint-table.js';
import { Owners, Shares } from './shares.js';

/** What goes together. */
interface Second {
  count: number;
  readonly owners: Owners;
}

/** The nonces of this process: each until the second it expires has passed. Needs no timer, and evicts nothing. */
export class NonceSet {
  readonly #table = new FingerprintTable();
  #shares = new Shares();
  // How many expire in each second, so that forgetting needs no look at each of them.
  readonly #expiring = new Map<number, Second>();
  // Most are claimed in the second they are dated, and so expire with the one before.
  #lastExpiry = Number.NaN;
  #last: Second = { count: 0, owners: new Owners() };
  #size = 0;
  #earliest = Number.POSITIVE_INFINITY;
  #horizon = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  /**
   * The latest expiry it may have forgotten: all up to it is gone, all after it is still there. A claim at or before it
   * cannot be told from a replay, wherever the clock went.
   */
  get horizon(): number {
    return this.#horizon;
  }

  /** Looks a pair up, and prepares to add it. */
  has(credential: string, nonce: string): boolean {
    return this.#table.has(credential, nonce, this.#dead);
  }

  /** True if the credential that was looked up last has so many. */
  hasShare(most: number): boolean {
    return this.#shares.has(this.#table.owner, most);
  }

  /** Adds the pair that {@link has} has just not found. */
  add(expiresAt: number): void {
    this.#table.add(expiresAt, this.#dead);
    if (expiresAt !== this.#lastExpiry) this.#find(expiresAt);
    this.#last.count++;
    this.#shares.add(this.#table.owner, this.#last.owners);
    this.#size++;
    if (expiresAt < this.#earliest) this.#earliest = expiresAt;
  }

  /** The horizon for a table, in which 0 stands for what was never there. */
  get #dead(): number {
    return Math.max(this.#horizon, 0);
  }

  /** Drops what expired before `second` and moves the horizon there. */
  forget(second: number): void {
    if (this.#earliest >= second) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [expiry, { count, owners }] of this.#expiring) {
      if (expiry >= second) {
        if (expiry < earliest) earliest = expiry;
        continue;
      }
      this.#size -= count;
      this.#expiring.delete(expiry);
      this.#shares.drop(owners);
      if (expiry > this.#horizon) this.#horizon = expiry;
    }
    this.#earliest = earliest;
    this.#lastExpiry = Number.NaN; // it may be gone
    if (this.#size === 0) this.#shares = new Shares();
  }

  #find(expiresAt: number): void {
    this.#lastExpiry = expiresAt;
    const known = this.#expiring.get(expiresAt);
    this.#last = known ?? { count: 0, owners: new Owners() };
    if (known === undefined) this.#expiring.set(expiresAt, this.#last);
  }
}

/** True for a second that the set can hold: a part of one would be forgotten before it has passed. */
export function isExpiry(expiresAt: number): boolean {
  return expiresAt > 0 && expiresAt >>> 0 === expiresAt;
}
