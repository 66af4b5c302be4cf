import type { Command } from 'commander';
import { algorithmOption } from '../options.js';

export interface KeygenOptions {
  readonly credential?: string;
  readonly algorithm?: string;
  readonly json?: true;
}

/** `keygen`: a new secret and the entry of a key file that it belongs in. */
export function keygenCommand(program: Command): void {
  program
    .command('keygen')
    .description('Make a new secret of 32 random bytes, and its key file.')
    .option('--credential <id>', 'name of the key; a random one unless given')
    .addOption(algorithmOption('algorithm of the key').default('HMAC-256'))
    .option('--json', 'print a key file and nothing else')
    .addHelpText(
      'after',
      `
The secret is printed once and kept nowhere. Anyone who has it can sign.

Examples:
  $ countersign keygen --credential orders-service
  $ (umask 077 && countersign keygen --json > keys.json)`,
    )
    .action(async (options: KeygenOptions) => {
      const { keygen } = await import('../keygen.js');
      keygen(options);
    });
}
