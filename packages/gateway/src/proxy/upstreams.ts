import { Agent, buildConnector, type Dispatcher, Pool, request } from 'undici';

/** How a service behind the gateway is reached. */
export interface UpstreamOptions {
  /** `http://127.0.0.1:9000`; several take turns. */
  readonly origins: readonly string[];
  /** Milliseconds until a connection must stand; 2,000 unless said otherwise. */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds until the head of an answer must be here, and between two pieces of its body; 30,000 unless said otherwise. */
  readonly timeout?: number | undefined;
  /** Connections to each; 128 unless said otherwise. */
  readonly connections?: number | undefined;
  /** Asks each of them whether it is well; nobody is asked unless given. */
  readonly health?: HealthCheck | undefined;
  /** PEM of the authority that the certificates of `https:` origins are of, if it is not a public one. */
  readonly ca?: string | undefined;
}

export interface HealthCheck {
  /** Such as `/healthz`; 2xx is well. */
  readonly path: string;
  /** Seconds between two checks; 5 unless said otherwise. */
  readonly every?: number | undefined;
}

/** One server of the service. */
export interface Upstream {
  readonly origin: string;
  readonly pool: Dispatcher;
  healthy: boolean;
  /** Sends a request to it. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void;
}

/** The servers of a service, in turns; one that is not well is passed over as long as another one is. */
export class Upstreams {
  readonly #all: readonly Upstream[];
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UpstreamOptions) {
    const { connectTimeout = 2_000, timeout = 30_000, connections = 128, health, ca } = options;
    const settings = {
      connections,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      connect: connectorOf({ timeout: connectTimeout, ...(ca === undefined ? {} : { ca }) }),
      maxHeaderSize: 64 * 1024,
    };
    this.#all = options.origins.map((origin) => {
      const pool = new Pool(origin, settings);
      // One name for all, whomever the caller asked for: else undici would connect anew for each other Host.
      const { hostname: servername } = new URL(origin);
      return {
        origin,
        pool,
        healthy: true,
        dispatch: (options, handler) => pool.dispatch({ ...options, servername } as never, handler),
      };
    });
    if (health !== undefined) this.#watch(health, settings.connect);
  }

  get all(): readonly Upstream[] {
    return this.#all;
  }

  /** The one whose turn it is, which is none of those that were tried. */
  next(tried: readonly Upstream[] = []): Upstream | undefined {
    const all = this.#all;
    if (all.length === 1) return tried.length === 0 ? all[0] : undefined;
    let fallback: Upstream | undefined;
    for (let i = 0; i < all.length; i++) {
      const upstream = all[(this.#next + i) % all.length] as Upstream;
      if (tried.includes(upstream)) continue;
      if (upstream.healthy) {
        this.#next = (this.#next + i + 1) % all.length;
        return upstream;
      }
      fallback ??= upstream;
    }
    return fallback;
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#all.map(({ pool }) => pool.close()));
  }

  async destroy(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#all.map(({ pool }) => pool.destroy()));
  }

  #watch({ path, every = 5 }: HealthCheck, connect: NonNullable<Pool.Options['connect']>): void {
    const check = () => {
      for (const upstream of this.#all) void ask(upstream, path, every, connect);
    };
    this.#timer = setInterval(check, every * 1000).unref();
    check();
  }
}

/** Holds a certificate to the name of the origin: undici would hold it to the Host that the caller sent. */
function connectorOf(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return ({ servername: _, ...where }, callback) => connect(where, callback);
}

async function ask(
  upstream: Upstream,
  path: string,
  every: number,
  connect: NonNullable<Pool.Options['connect']>,
): Promise<void> {
  // Not of the pool: a check must not wait behind requests.
  const dispatcher = new Agent({ pipelining: 0, connect });
  try {
    const { statusCode, body } = await request(`${upstream.origin}${path}`, {
      dispatcher,
      signal: AbortSignal.timeout(Math.min(every, 5) * 1000),
    });
    await body.dump();
    upstream.healthy = statusCode >= 200 && statusCode < 300;
  } catch {
    upstream.healthy = false;
  } finally {
    dispatcher.destroy().catch(() => {});
  }
}
