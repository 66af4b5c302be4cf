import {
  type ConfigFile,
  type Gateway,
  type GatewayConfig,
  parseConfig,
  startGateway,
} from '@countersign/gateway';
import type { GatewayOptions } from '../commands/gateway.js';
import { usage } from '../exit.js';
import { note } from '../output.js';
import { configPath } from './config-path.js';

/** Runs the gateway until SIGTERM or SIGINT. */
export async function runGateway(options: GatewayOptions): Promise<void> {
  const config =
    options.upstream === undefined ? pathOf(options) : configOf(options, options.upstream);
  let gateway: Gateway;
  try {
    gateway = await startGateway({ config, env: process.env, said: { write: say } });
  } catch (error) {
    throw usage((error as Error).message);
  }
  process.on('SIGHUP', () => {
    gateway.reopenLog();
    gateway.reload().catch(() => {}); // it says so itself
  });
  const end = () => {
    gateway.close().then(
      () => process.exit(),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', end).once('SIGINT', end);
  for (const [name, address] of Object.entries(gateway.addresses)) {
    note(`countersign: gateway: ${name} listening on ${address}`);
  }
}

/** A line of the gateway about itself, for people. */
function say(line: string): void {
  const { message, anomaly, egress } = JSON.parse(line) as Record<string, unknown>;
  const more = anomaly ?? egress;
  note(`countersign: gateway: ${message}${more === undefined ? '' : ` ${JSON.stringify(more)}`}`);
}

function pathOf(options: GatewayOptions): string {
  for (const name of ['keys', 'host', 'listen', 'admin', 'fresh'] as const) {
    if (options[name] !== undefined)
      throw usage(`--${name}: goes with --upstream, not with a configuration`);
  }
  return configPath(options.config);
}

function configOf(options: GatewayOptions, origins: readonly string[]): ConfigFile {
  if (options.config !== undefined) throw usage('--upstream: goes without --config');
  if (options.keys === undefined)
    throw usage('--upstream: needs --keys; make one with countersign keygen --json');
  const listen = options.listen ?? '127.0.0.1:8080';
  const port = listen.slice(listen.lastIndexOf(':') + 1);
  const config: GatewayConfig = {
    hosts: options.host ?? [`127.0.0.1:${port}`, `localhost:${port}`],
    keys: { file: options.keys },
    nonces: { memory: { start: options.fresh ? 'fresh' : 'normal' } },
    proxy: { listen, upstream: { origins } },
    ...(options.admin === undefined ? {} : { admin: { listen: options.admin } }),
  };
  try {
    return parseConfig(JSON.stringify(config), 'command line');
  } catch (error) {
    throw usage((error as Error).message);
  }
}
