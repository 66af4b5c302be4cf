import { isIPv6 } from 'node:net';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { PenaltiesConfig } from '../config/config.js';
import type { DecisionRecord } from './record.js';

/** A burst of refused requests. */
export interface Anomaly {
  readonly kind: 'address' | 'credential';
  /** The credential; the address, of IPv6 the network, such as `2001:db8:0:1::/64`. */
  readonly value: string;
  readonly refusals: number;
  readonly seconds: number;
}

// Of 96 bits, before an address of IPv4.
const WITH_IPV4 = new Set(['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0']);

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
    const network = networkOf(address);
    const until = this.#away.get(network);
    if (until === undefined) return undefined;
    const seconds = Math.ceil((until - performance.now()) / 1000);
    if (seconds > 0) return seconds;
    this.#away.delete(network);
    return undefined;
  }

  /** What a stranger sent was refused, not what a store could not tell. */
  count({ verdict, status, address, claims, code }: DecisionRecord): void {
    const isStrange =
      verdict === 'refused' && status < 500 && status !== 429 && code !== 'throttled';
    if (!isStrange) return;
    if (address !== undefined) void this.#consume('address', networkOf(address));
    if (claims !== undefined) void this.#consume('credential', claims);
  }

  async #consume(kind: Anomaly['kind'], value: string): Promise<void> {
    const { refusals, seconds, away } = this.#config;
    const { consumedPoints } = await this.#counters[kind].consume(value).catch((state) => state);
    if (consumedPoints !== refusals) return;
    if (kind === 'address' && away > 0) {
      if (this.#away.size >= MOST) this.#away.delete(this.#away.keys().next().value as string);
      this.#away.set(value, performance.now() + away * 1000);
      // Counted anew when it is back, or it would be refused without end for the rest of the time.
      await this.#counters.address.delete(value);
    }
    this.#tell({ kind, value, refusals, seconds });
  }
}

/**
 * The address; of IPv6 the network, since who has one address has 2^64 of them (RFC 4291 §2.5.4). One of IPv4 that is written as IPv6
 * (§2.5.5.2), or was translated by the usual prefix (RFC 6052 §2.1), is the former.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [unzoned] = address.split('%', 1);
  const { hostname } = new URL(`http://[${unzoned}]/`); // in hexadecimal throughout, and in one way only (RFC 5952)
  const [front = [], back = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((groups) => groups.split(':').filter((group) => group !== ''));
  const groups = [...front, ...Array(8 - front.length - back.length).fill('0'), ...back];
  const prefix = groups.slice(0, 6).join(':');
  if (!WITH_IPV4.has(prefix)) return `${groups.slice(0, 4).join(':')}::/64`;
  return groups
    .slice(6)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((pair) => [pair >> 8, pair & 255])
    .join('.');
}
