import type { Command } from 'commander';

export interface VectorsOptions {
  readonly json?: true;
}

/** `vectors`: holds this implementation against the shared test vectors. */
export function vectorsCommand(program: Command): void {
  program
    .command('vectors')
    .description('Run the shared test vectors of the protocol against this implementation.')
    .argument('[directory]', 'where they are; test-vectors here or in a parent unless given')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Prints a line for each vector and a summary; exits with 1 if any fails.

Examples:
  $ countersign vectors
  $ countersign vectors path/to/test-vectors --json`,
    )
    .action(async (directory: string | undefined, options: VectorsOptions) => {
      const { vectors } = await import('../vectors/vectors.js');
      process.exitCode = await vectors(directory, options);
    });
}
