import { type Command, Option } from 'commander';
import { collect, type SigningOptions, withSigningOptions } from '../options.js';

export const SIGN_OUTPUTS = ['headers', 'json', 'curl', 'string-to-sign'] as const;

export interface SignOptions extends SigningOptions {
  readonly request?: string;
  readonly header?: readonly string[];
  readonly data?: readonly string[];
  readonly json?: readonly string[];
  readonly date?: string;
  readonly nonce?: string;
  readonly output: (typeof SIGN_OUTPUTS)[number];
}

/** `sign`: the header fields of one request, for whatever will send it. */
export function signCommand(program: Command): void {
  const command = program
    .command('sign')
    .description('Sign a request and print the header fields to send with it.')
    .argument('<url>', 'absolute http: or https: URL; signed as it stands')
    .option('-X, --request <method>', 'method; POST with a body and GET without unless given')
    .option('-H, --header <line>', "header field to send, 'Name: value'; repeatable", collect)
    .option('-d, --data <data>', 'body, or @file, or @- for standard input; repeatable', collect)
    .option('--json <body>', 'JSON body, or @file, or @-; repeatable', collect)
    .option('--date <date>', "sign with this date, 'Wed, 01 Jan 2020 12:00:30 GMT'")
    .option('--nonce <nonce>', 'sign with this nonce instead of a new one')
    .addOption(
      new Option('--output <form>', 'what to print').choices(SIGN_OUTPUTS).default('headers'),
    );
  withSigningOptions(command)
    .addHelpText(
      'after',
      `
-d sets Content-Type: application/x-www-form-urlencoded and --json sets application/json, as curl does, unless -H
gives one. Unlike curl, -d @file signs the bytes of the file as they are: nothing is stripped.

Prints every field the request must carry but Host, which whatever sends it takes from the URL. A signature is for one
request: it is refused the second time, and after the skew of the service (300 seconds).

Examples:
  $ countersign sign 'https://api.example.com/v1/orders?limit=10'
  $ countersign sign https://api.example.com/v1/orders --json '{"sku":"A-1"}' --output curl
  $ countersign sign https://api.example.com/v1/files/1 -X PUT -d @photo.png -H 'Content-Type: image/png'
  $ countersign sign https://api.example.com/ --output string-to-sign`,
    )
    .action(async (url: string, options: SignOptions) => {
      const { sign } = await import('../sign/sign.js');
      await sign(url, options);
    });
}
