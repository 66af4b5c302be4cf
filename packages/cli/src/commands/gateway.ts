import type { Command } from 'commander';
import { collect } from '../options.js';

export interface GatewayOptions {
  readonly config?: string;
  readonly upstream?: readonly string[];
  readonly keys?: string;
  readonly host?: readonly string[];
  readonly listen?: string;
  readonly admin?: string;
  readonly fresh?: true;
}

export interface ExplainOptions {
  readonly config?: string;
  readonly credential: string;
  readonly group?: string;
  readonly address?: string;
  readonly https?: true;
  readonly json?: true;
}

export interface CheckOptions {
  readonly config?: string;
}

const CONFIG = 'configuration; COUNTERSIGN_GATEWAY_CONFIG or gateway.yaml unless given';

/** `gateway`: authentication in front of any service. */
export function gatewayCommand(program: Command): void {
  const gateway = program
    .command('gateway')
    .description('Verify requests in front of a service, and sign those that services send.')
    .option('--config <file>', CONFIG)
    .option(
      '--upstream <origin>',
      'service to pass requests to, without a configuration; repeatable',
      collect,
    )
    .option('--keys <file>', 'with --upstream: key file, JSON or YAML (.yaml, .yml)')
    .option('--host <name>', 'with --upstream: host that requests may name; repeatable', collect)
    .option('--listen <address>', 'with --upstream: where to listen; 127.0.0.1:8080 unless given')
    .option('--admin <address>', 'with --upstream: where /metrics, /healthz and /readyz are')
    .option(
      '--fresh',
      'with --upstream: start at once, though a request of an earlier run could be replayed',
    )
    .addHelpText(
      'after',
      `
It reads its files again when they change, and at SIGHUP; a configuration that is broken is not taken, and the old one stays.
At SIGTERM it takes no more requests and ends those under way. Each decision is a line of JSON on standard output, unless the
configuration says otherwise.

Examples:
  $ countersign gateway --upstream http://127.0.0.1:9000 --keys keys.json
  $ countersign gateway --config gateway.yaml
  $ countersign gateway check --config gateway.yaml
  $ countersign gateway explain GET /v1/orders/7 --credential orders-service --address 10.1.2.3`,
    )
    .action(async (options: GatewayOptions) => {
      const { runGateway } = await import('../gateway/run-gateway.js');
      await runGateway(options);
    });
  gateway
    .command('check')
    .description('Tell whether a configuration can be used, and if not, the line; for CI.')
    .option('--config <file>', CONFIG)
    .addHelpText(
      'after',
      `
Exit codes: 0 it can be used, 2 it cannot.

Examples:
  $ countersign gateway check
  $ countersign gateway check --config deploy/gateway.yaml`,
    )
    .action(async (_: CheckOptions, command: Command) => {
      const { checkGateway } = await import('../gateway/check-gateway.js');
      await checkGateway(command.optsWithGlobals());
    });
  gateway
    .command('explain')
    .description('Tell which rule of the policy decides on a request, and why.')
    .argument('<method>', 'such as GET')
    .argument('<target>', 'path and query, such as /v1/orders/7')
    .requiredOption('--credential <id>', 'who calls')
    .option('--group <name>', 'its group; that of the key file unless given')
    .option('--address <ip>', 'where the call comes from')
    .option('--https', 'it comes over HTTPS')
    .option('--json', 'the same as JSON')
    .option('--config <file>', CONFIG)
    .addHelpText(
      'after',
      `
Exit codes: 0 allowed, 1 refused.

Examples:
  $ countersign gateway explain GET /v1/orders/7 --credential orders-service
  $ countersign gateway explain PUT '/v1/orders/7?draft=1' --credential x --address 10.1.2.3 --https --json`,
    )
    .action(async (method: string, target: string, _: ExplainOptions, command: Command) => {
      const { explain } = await import('../gateway/explain.js');
      await explain(method, target, command.optsWithGlobals());
    });
}
