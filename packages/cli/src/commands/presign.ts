import type { Command } from 'commander';
import { type CredentialOptions, withCredentialOptions } from '../options.js';

export interface PresignOptions extends CredentialOptions {
  readonly expiresIn: string;
  readonly singleUse?: true;
  readonly date?: string;
  readonly json?: true;
}

/** `presign`: a link that somebody without a secret can open, for a time. */
export function presignCommand(program: Command): void {
  const command = program
    .command('presign')
    .description('Print a URL that anyone can GET, without a secret, until it expires.')
    .argument('<url>', 'absolute http: or https: URL; signed as it stands')
    .requiredOption('--expires-in <time>', 'how long it is good: seconds, or 15m, 1h, 7d')
    .option('--single-use', 'it is accepted once; any number of times unless given')
    .option('--date <date>', "sign with this date, 'Wed, 01 Jan 2020 12:00:30 GMT'")
    .option('--json', 'print JSON: the url, and when it ends (expiresAt)');
  withCredentialOptions(command)
    .addHelpText(
      'after',
      `
Whoever has the URL can open it: treat it as a password until it expires. It covers the host, the path and the query, and
is good for GET, and for HEAD unless it is for a single use. The service has to take presigned URLs.

Examples:
  $ countersign presign https://api.example.com/v1/invoices/7.pdf --expires-in 15m
  $ countersign presign 'https://api.example.com/v1/report?year=2020' --expires-in 1h --single-use --json
  $ curl -O "$(countersign presign https://api.example.com/v1/invoices/7.pdf --expires-in 60)"`,
    )
    .action(async (url: string, options: PresignOptions) => {
      const { presign } = await import('../presign/presign.js');
      await presign(url, options);
    });
}
