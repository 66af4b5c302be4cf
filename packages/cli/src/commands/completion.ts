import { Argument, type Command } from 'commander';

/** `completion`: a script that completes command lines, made of the commands there are. */
export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('Print a script that completes countersign command lines.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  $ countersign completion bash > ~/.local/share/bash-completion/completions/countersign
  $ countersign completion zsh > ~/.zfunc/_countersign
  $ countersign completion fish > ~/.config/fish/completions/countersign.fish`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('../completion/completion.js');
      process.stdout.write(completionScript(shell, program));
    });
}
