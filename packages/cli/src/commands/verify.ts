import type { Command } from 'commander';
import { collect } from '../options.js';

export interface VerifyOptions {
  readonly keys?: string;
  readonly request: string;
  readonly host?: readonly string[];
  readonly now?: string;
  readonly skew?: string;
  readonly json?: true;
}

/** `verify`: one captured request, checked as a service would. */
export function verifyCommand(program: Command): void {
  program
    .command('verify')
    .description('Check one raw HTTP/1.1 request, and say why it is refused.')
    .option(
      '--keys <file>',
      'key file, JSON or YAML (.yaml, .yml); the key of the environment unless given',
    )
    .option('--request <file>', 'the request, byte for byte; - is standard input', '-')
    .option('--host <name>', 'host of the service; repeatable', collect)
    .option('--now <date>', "check as of this date, 'Wed, 01 Jan 2020 12:00:30 GMT'")
    .option('--skew <seconds>', 'seconds the date may be off, 1–3600; 300 unless given')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The request goes through Node's HTTP parser and the same checks as in a service, with an empty nonce store. Without
--host the Host of the request is taken as the right one. Without --keys the key is that of COUNTERSIGN_CREDENTIAL,
COUNTERSIGN_SECRET and COUNTERSIGN_ALGORITHM. Lines of the head end in CR LF, as on the wire.

Examples:
  $ countersign verify --keys keys.json --host api.example.com --request captured.http
  $ countersign verify --keys keys.json --now 'Wed, 01 Jan 2020 12:00:30 GMT' --json < captured.http`,
    )
    .action(async (options: VerifyOptions) => {
      const { verify } = await import('../verify/verify.js');
      process.exitCode = await verify(options);
    });
}
