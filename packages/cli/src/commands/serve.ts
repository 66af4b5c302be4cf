import { type Command, Option } from 'commander';
import { collect } from '../options.js';

export interface ServeOptions {
  readonly keys: string;
  readonly host?: readonly string[];
  readonly port: string;
  readonly skew?: string;
  readonly disclosure: 'minimal' | 'full';
  readonly presigned?: true;
  readonly signResponses?: true;
  readonly fresh?: true;
  readonly verbose?: true;
}

/** `serve`: a service to try a client against. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('Answer signed requests on 127.0.0.1 with what was verified, others with why not.')
    .requiredOption('--keys <file>', 'key file, JSON or YAML (.yaml, .yml)')
    .option('--host <name>', 'host to answer for; repeatable', collect)
    .option('--port <number>', 'port; 0 is any free one', '8787')
    .option('--skew <seconds>', 'seconds the date may be off, 1–3600; 300 unless given')
    .addOption(
      new Option('--disclosure <who>', 'full tells the true code and the string to sign')
        .choices(['minimal', 'full'])
        .default('minimal'),
    )
    .option('--presigned', 'take presigned URLs too')
    .option('--sign-responses', 'sign responses with the secret of the request')
    .option('--fresh', 'start at once, though a request of an earlier run could be replayed')
    .option('--verbose', 'log every verdict on standard error')
    .addHelpText(
      'after',
      `
Without --host it answers for localhost:PORT and 127.0.0.1:PORT. Used nonces are kept in memory; so that none of an
earlier run is accepted again, it starts with the next whole second, unless --fresh is given.

Examples:
  $ countersign serve --keys keys.json
  $ countersign serve --keys keys.yaml --presigned
  $ countersign serve --keys keys.json --host api.example.com --port 0 --disclosure full --verbose`,
    )
    .action(async (options: ServeOptions) => {
      const { serve } = await import('../serve/serve.js');
      await serve(options);
    });
}
