import type { MemoryNonceStore, NonceStore } from '@countersign/server';
import type { GatewayConfig } from '../config/config.js';
import type { References } from '../config/reference.js';
import { type Opened, openNonces } from './stores.js';

/** A store of nonces, which outlives a change of everything else. */
export interface SharedNonces extends Opened<NonceStore> {
  readonly place: string;
  /** The store itself, without what a change of the skew asks of it. */
  readonly own: NonceStore;
  readonly skew: number;
  readonly changes: readonly SkewChange[];
  /** Is called once the configuration has taken the place of the one before. */
  taken(): void;
}

/** What was dated up to then may have been accepted and forgotten by a smaller skew. */
interface SkewChange {
  readonly upTo: number;
  readonly skew: number;
}

const LONGEST_SKEW = 3_600;
const ANEW = 'cannot change while the gateway runs, which would forget nonces; start it anew';

/**
 * Opens the store of used nonces, or goes on with that of the configuration before: whatever was accepted stays so once.
 *
 * @throws TypeError or RangeError that begins with the path of the bad value
 */
export async function noncesOf(
  { nonces, skew = 300 }: GatewayConfig,
  references: References,
  before: SharedNonces | undefined,
  isFirst: boolean,
): Promise<SharedNonces> {
  const place = placeOf(nonces);
  if (before === undefined) {
    // An earlier configuration may have had nonces that nobody knows any more.
    const start = isFirst ? nonces : strictly(nonces);
    const { store: own, close } = await openNonces(start, skew, references);
    return { place, own, store: own, skew, changes: [], close, taken: () => {} };
  }
  if (before.place !== place) throw new TypeError(`nonces: ${ANEW}`);
  const now = second();
  const changes = before.changes.filter(({ upTo }) => upTo + LONGEST_SKEW >= now);
  if (skew > before.skew) changes.push({ upTo: now + before.skew, skew: before.skew });
  const { own, close } = before;
  const capacity = nonces?.memory?.capacity ?? 1_000_000;
  return {
    ...{ place, own, skew, changes, close },
    store: changes.length === 0 && own.skew >= skew ? own : new Grown(own, skew, changes),
    taken: () => (own as Partial<MemoryNonceStore>).resize?.(capacity),
  };
}

/** What a store is: if that stays the same, so must the store, which remembers. */
function placeOf({ memory, ...elsewhere }: GatewayConfig['nonces'] = {}): string {
  return JSON.stringify(elsewhere);
}

function strictly(nonces: GatewayConfig['nonces'] = {}): GatewayConfig['nonces'] {
  const inMemory = Object.keys(nonces).every((name) => name === 'memory');
  return inMemory ? { memory: { ...nonces.memory, start: 'strict' } } : nonces;
}

/** A store under a larger skew than it has worked for: what is older than that was accepted by is held to the smaller one. */
class Grown implements NonceStore {
  readonly skew: number;
  readonly #own: NonceStore;
  readonly #changes: readonly SkewChange[];

  constructor(own: NonceStore, skew: number, changes: readonly SkewChange[]) {
    this.#own = own;
    this.skew = skew;
    this.#changes = changes;
  }

  /** Of a store that knows. */
  get size(): number | undefined {
    return (this.#own as Partial<MemoryNonceStore>).size;
  }

  health() {
    return this.#own.health?.();
  }

  claim(credential: string, nonce: string, expiresAt: number, date = expiresAt - this.skew) {
    const now = second();
    const isForgotten = ({ upTo, skew }: SkewChange) =>
      date <= upTo && date + skew < now && expiresAt <= date + this.skew;
    if (this.#changes.some(isForgotten)) return 'unavailable';
    return this.#own.claim(credential, nonce, expiresAt, date);
  }
}

function second(): number {
  return Math.floor(Date.now() / 1000);
}
