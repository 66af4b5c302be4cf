import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { PenaltiesConfig } from '../config/config.js';
import type { DecisionRecord } from './record.js';

/** A burst of refused requests. */
export interface Anomaly {
  readonly kind: 'address' | 'credential';
  readonly value: string;
  readonly refusals: number;
  readonly seconds: number;
}

/** Addresses that are not listened to, at most so many. */
const MOST = 100_000;

/**
 * Counts refusals by address, and by the credential that a request names. An address that has too many is not listened to
 * for a while. A credential never is: anybody can name it, and could have its owner locked out.
 */
export class Anomalies {
  readonly #config: PenaltiesConfig;
  readonly #counters: Readonly<Record<Anomaly['kind'], RateLimiterMemory>>;
  readonly #tell: (anomaly: Anomaly) => void;
  readonly #away = new Map<string, number>();

  constructor(config: PenaltiesConfig, tell: (anomaly: Anomaly) => void) {
    this.#config = config;
    this.#tell = tell;
    const { refusals: points, seconds: duration } = config;
    this.#counters = {
      address: new RateLimiterMemory({ keyPrefix: 'address', points, duration }),
      credential: new RateLimiterMemory({ keyPrefix: 'credential', points, duration }),
    };
  }

  /** Seconds that an address has to stay away, if it has. */
  throttle(address: string | undefined): number | undefined {
    if (address === undefined || this.#away.size === 0) return undefined;
    const until = this.#away.get(address);
    if (until === undefined) return undefined;
    const seconds = Math.ceil((until - performance.now()) / 1000);
    if (seconds > 0) return seconds;
    this.#away.delete(address);
    return undefined;
  }

  /** What a stranger sent was refused, not what a store could not tell. */
  count({ verdict, status, address, claims, code }: DecisionRecord): void {
    const isStrange =
      verdict === 'refused' && status < 500 && status !== 429 && code !== 'throttled';
    if (!isStrange) return;
    if (address !== undefined) void this.#consume('address', address);
    if (claims !== undefined) void this.#consume('credential', claims);
  }

  async #consume(kind: Anomaly['kind'], value: string): Promise<void> {
    const { refusals, seconds, away } = this.#config;
    const { consumedPoints } = await this.#counters[kind].consume(value).catch((state) => state);
    if (consumedPoints !== refusals) return;
    if (kind === 'address' && away > 0) {
      if (this.#away.size >= MOST) this.#away.delete(this.#away.keys().next().value as string);
      this.#away.set(value, performance.now() + away * 1000);
    }
    this.#tell({ kind, value, refusals, seconds });
  }
}
