import type { DestinationStream } from 'pino';
import type { GatewayConfig } from './config/config.js';
import { type ConfigFile, readConfig } from './config/read-config.js';
import { type References, resolvePath } from './config/reference.js';
import { Listeners } from './listeners.js';
import type { Anomalies } from './observe/anomalies.js';
import { type Audit, openAudit } from './observe/audit.js';
import type { Metrics } from './observe/metrics.js';
import { recordOf } from './observe/record.js';
import { createRuntime, type Observers, type Runtime } from './runtime/runtime.js';
import { serversOf } from './servers.js';
import { watchFiles } from './watch-files.js';

/** How a gateway is started. */
export interface GatewayOptions {
  /** The configuration: a file, or what {@link readConfig} or `parseConfig` made of one. */
  readonly config: string | ConfigFile;
  /** Where `env:NAME` is looked up, such as `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes changes of the files as they come; true unless said otherwise. */
  readonly watch?: boolean | undefined;
  /** Where the gateway speaks of itself; with the decisions unless given. */
  readonly said?: DestinationStream | undefined;
}

/** A gateway that runs. */
export interface Gateway {
  /** Where it listens: `proxy`, `forwardAuth`, `egress[0]`, `admin`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Reads the configuration again; what is under way ends by the old one. Rejects, and keeps the old one, if it is broken. */
  reload(): Promise<void>;
  /** Opens the log anew, after the system has moved it away. */
  reopenLog(): void;
  /** Takes no more requests, and waits for those under way, as long as `drain` says. */
  close(): Promise<void>;
}

/**
 * Starts a gateway.
 *
 * @throws ConfigError that names the line; it leaves nothing behind
 * @example
 * const gateway = await startGateway({ config: 'gateway.yaml', env: process.env });
 * process.once('SIGTERM', () => gateway.close());
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const running = new Running(options);
  await running.start();
  return running;
}

class Running implements Gateway {
  readonly #options: GatewayOptions;
  readonly #listeners = new Listeners();
  #metrics: Metrics | undefined;
  #audit: Audit | undefined;
  #anomalies: Anomalies | undefined;
  #runtime: Runtime | undefined;
  #files: ReadonlySet<string> = new Set();
  #reloading: Promise<void> = Promise.resolve();
  #unwatch = () => {};
  #stopping = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  get addresses(): Readonly<Record<string, string>> {
    return this.#listeners.addresses;
  }

  async start(): Promise<void> {
    const { config, watch = true } = this.#options;
    const file = typeof config === 'string' ? readConfig(config) : config;
    const started = Math.floor(Date.now() / 1000);
    try {
      await this.#apply(file);
    } catch (error) {
      await this.#listeners.close(0);
      await this.#runtime?.close();
      throw error;
    }
    if (this.#runtime?.policy === undefined && this.#runtime?.verifier !== undefined) {
      this.#audit?.say('warn', 'there is no policy: every verified caller may do everything');
    }
    if (watch && typeof config === 'string') {
      this.#unwatch = watchFiles(
        () => [config, ...this.#files],
        () => this.reload().catch(() => {}),
      );
    }
    // A store in memory refuses what is dated up to the second it started in.
    const memory =
      file.config.nonces?.memory ?? (file.config.nonces === undefined ? {} : undefined);
    if (memory !== undefined && memory.start !== 'fresh' && this.#runtime?.verifier !== undefined) {
      const wait = (started + 1) * 1000 - Date.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  reload(): Promise<void> {
    const again = this.#reloading.then(() => this.#reload());
    this.#reloading = again.catch(() => {});
    return again;
  }

  reopenLog(): void {
    this.#audit?.reopen();
  }

  async close(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#unwatch();
    await this.#reloading;
    const { drain = 10 } = this.#runtime?.config ?? {};
    await this.#listeners.close(drain * 1000, 'admin');
    await this.#runtime?.close();
    this.#audit?.say('info', 'stopped');
    await this.#audit?.close();
  }

  async #reload(): Promise<void> {
    const { config } = this.#options;
    if (this.#stopping || typeof config !== 'string') return;
    try {
      await this.#apply(readConfig(config));
      this.#metrics?.reload(true);
      this.#audit?.say('info', 'the configuration was read again');
    } catch (error) {
      this.#metrics?.reload(false);
      const { message } = error as Error;
      this.#audit?.say('error', `the configuration was not taken, the old one stays: ${message}`);
      throw error;
    }
  }

  /** Makes everything that a configuration says, then has it take the place of what there was. */
  async #apply(file: ConfigFile): Promise<void> {
    const { config } = file;
    const before = this.#runtime;
    const files = new Set<string>();
    const references = { path: file.path, env: this.#options.env, files };
    const anomalies = await this.#anomaliesOf(before, file);
    // Nobody measures what nobody can ask for.
    if (config.admin !== undefined) this.#metrics ??= await this.#createMetrics();
    const observers = this.#observers(config, anomalies);
    const runtime = await createRuntime(file, references, observers, before);
    const old = this.#audit;
    let audit = old;
    // A server that is new may be asked before the configuration it came with has taken the place of the old one.
    let next: Runtime | undefined = runtime;
    try {
      audit = this.#auditFor(config, before, references);
      this.#audit ??= audit;
      const wanted = serversOf(runtime, {
        current: () => next ?? (this.#runtime as Runtime),
        registry: () => this.#metrics?.registry,
        stopping: () => this.#stopping,
      });
      await this.#listeners.apply(wanted, config.drain ?? 10);
    } catch (error) {
      this.#audit = old;
      if (audit !== old) await audit?.close();
      await runtime.close(before);
      throw file.located(error);
    }
    this.#runtime = runtime;
    runtime.nonces?.taken();
    this.#audit = audit;
    if (audit !== old) void old?.close();
    next = undefined;
    this.#anomalies = anomalies;
    this.#files = files;
    // What is under way still needs it.
    void before?.close(runtime).catch(() => {});
  }

  /** The log there is, if it is to stay the same. */
  #auditFor({ audit = {} }: GatewayConfig, before: Runtime | undefined, references: References) {
    const { to = 'stdout' } = audit;
    if (this.#audit !== undefined && to === (before?.config.audit?.to ?? 'stdout')) {
      return this.#audit;
    }
    const place = to === 'stdout' || to === 'none' ? to : resolvePath(references, to);
    return openAudit(place, this.#options.said);
  }

  async #createMetrics(): Promise<Metrics> {
    const { createMetrics } = await import('./observe/metrics.js');
    return createMetrics(() => this.#runtime?.nonces?.store);
  }

  async #anomaliesOf(
    before: Runtime | undefined,
    { config }: ConfigFile,
  ): Promise<Anomalies | undefined> {
    const { penalties } = config;
    if (penalties === undefined) return undefined;
    const same = JSON.stringify(penalties) === JSON.stringify(before?.config.penalties);
    if (same && this.#anomalies !== undefined) return this.#anomalies;
    const { Anomalies } = await import('./observe/anomalies.js');
    return new Anomalies(penalties, (anomaly) => {
      this.#metrics?.anomaly(anomaly.kind);
      this.#audit?.say('warn', 'anomaly', { anomaly });
    });
  }

  #observers({ admin }: GatewayConfig, anomalies: Anomalies | undefined): Observers {
    return {
      onEvent: admin === undefined ? undefined : (event) => this.#metrics?.event(event),
      onDecision: (exchange, policy) => {
        const record = recordOf(exchange, policy);
        this.#metrics?.decision(record);
        this.#audit?.write(record);
        anomalies?.count(record);
      },
      onEgress: (answer) => this.#audit?.say('info', 'signed', { egress: answer }),
      onFault: (message) => this.#audit?.say('error', message),
      throttle: anomalies === undefined ? undefined : (address) => anomalies.throttle(address),
    };
  }
}
